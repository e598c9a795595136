"""Prints ops on vectors. Elementwise ops that follow each other share one loop over the lanes.

    const Vector<float, 4> x_0 = *(const Vector<float, 4>*)&x[i];
    Vector<float, 4> sum;
    #pragma unroll
    for (int lane = 0; lane < 4; ++lane) {
      const float product = x_0.at[lane] * x_0.at[lane];
      sum.at[lane] = product + 1.0f;
    }
    *(Vector<float, 4>*)&y[i] = sum;

What only the loop uses is a scalar in it; what is used after it is a vector. A run of elementwise ops goes on past
other ops, which are printed before it, until one of them needs its values: so the loads of a body come first, then
one loop, then its stores.
"""

from __future__ import annotations

from xdsl.dialects.builtin import DenseArrayBase, DenseIntOrFPElementsAttr, VectorType
from xdsl.ir import Operation, SSAValue

from pullback.backends.cuda.expressions import EXPRESSIONS, expression
from pullback.backends.cuda.functions import call
from pullback.backends.cuda.kernel_text import KernelText, noun_of
from pullback.backends.cuda.literals import elements
from pullback.backends.cuda.vector_types import lanes
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.ir.diagnostics import UnsupportedError


def is_elementwise(op: Operation) -> bool:
    """Tells whether an op computes each lane of a vector from the same lane of others."""
    return op.name in EXPRESSIONS and any(isinstance(value.type, VectorType) for value in op.results)


class VectorRun:
    """Elementwise ops that are still to be printed, and the texts of lanes."""

    def __init__(self, text: KernelText) -> None:
        self._text = text
        self._ops: list[Operation] = []
        self._scalars: dict[SSAValue, str] = {}
        self._lane = ""

    def is_needed_by(self, op: Operation) -> bool:
        """Tells whether the run must be printed before an op."""
        if not self._ops or is_elementwise(op):
            return False
        return bool(op.regions) or any(operand.owner in self._ops for operand in op.operands)

    def add(self, op: Operation) -> None:
        """Add an op; those before it are printed if their vectors have another length."""
        if self._ops and lanes(op.results[0].type) != lanes(self._ops[0].results[0].type):
            self.print()
        self._ops.append(op)

    def print(self) -> None:
        """Print the loop, if there are ops for it."""
        ops, self._ops = self._ops, []
        if not ops:
            return
        text, escaping = (
            self._text,
            [op for op in ops if any(use.operation not in ops for use in op.results[0].uses)],
        )
        for op in escaping:
            name = text.names.declare(op.results[0], noun_of(op))
            text.line(f"{text.types.name(op.results[0].type)} {name};")
        self._lane = self._lane or text.names.fresh("lane")
        text.line("#pragma unroll")
        count = lanes(ops[0].results[0].type)
        text.line(f"for (int {self._lane} = 0; {self._lane} < {count}; ++{self._lane}) {{")
        with text.indented():
            for op in ops:
                self._print_lane(op, op in escaping)
        text.line("}")

    def _print_lane(self, op: Operation, escapes: bool) -> None:
        text, result = self._text, op.results[0]
        value = expression(text.types, op, *map(self._lane_of, op.operands))
        if escapes:
            text.line(f"{self._lane_of(result)} = {value};", op)
            return
        name = text.names.declare(result, noun_of(op))
        self._scalars[result] = name
        text.line(f"const {text.types.element(result.type)} {name} = {value};", op)

    def _lane_of(self, value: SSAValue) -> str:
        if value in self._scalars:
            return self._scalars[value]
        name = self._text.names[value]
        return f"{name}.at[{self._lane}]" if isinstance(value.type, VectorType) else name

    def bind_uniform(self, value: SSAValue, scalar: str) -> None:
        """Binds a vector to the text of what all its lanes are."""
        self._scalars[value] = scalar
        kind = f"{self._text.types.element(value.type)}, {lanes(value.type)}"
        self._text.names.bind(value, call("splat", scalar, kind=kind))


def print_constant(text: KernelText, run: VectorRun, op: Operation) -> None:
    """`arith.constant` of a vector."""
    value, type_ = op.properties["value"], op.results[0].type
    assert isinstance(type_, VectorType)
    literals = elements(value, type_, text.types)
    if isinstance(value, DenseIntOrFPElementsAttr) and is_uniform(value):
        run.bind_uniform(op.results[0], literals[0])
    else:
        text.define(op.results[0], f"{{{{{', '.join(literals)}}}}}", op)


def print_broadcast(text: KernelText, run: VectorRun, op: Operation) -> None:
    """`vector.broadcast` of a scalar."""
    if isinstance(op.operands[0].type, VectorType):
        raise UnsupportedError(f"no CUDA text for vector.broadcast of {op.operands[0].type}", op)
    run.bind_uniform(op.results[0], text.names[op.operands[0]])


def print_extract(text: KernelText, run: VectorRun, op: Operation) -> None:
    """`vector.extract` of one lane."""
    text.define(op.results[0], f"{text.names[op.operands[0]]}.at[{_position(text, op, 1)}]", op)


def print_insert(text: KernelText, run: VectorRun, op: Operation) -> None:
    """`vector.insert` of one lane into a copy of a vector."""
    name = text.names.declare(op.results[0], "inserted")
    text.line(f"{text.types.name(op.results[0].type)} {name} = {text.names[op.operands[1]]};")
    text.line(f"{name}.at[{_position(text, op, 2)}] = {text.names[op.operands[0]]};", op)


def print_from_elements(text: KernelText, run: VectorRun, op: Operation) -> None:
    """`vector.from_elements`."""
    texts = ", ".join(text.names[value] for value in op.operands)
    text.define(op.results[0], f"{{{{{texts}}}}}", op)


def _position(text: KernelText, op: Operation, first: int) -> str:
    """The lane, a number or the operand from position `first` on."""
    static = op.properties["static_position"]
    assert isinstance(static, DenseArrayBase)
    if len(op.operands) > first:
        return text.names[op.operands[first]]
    return str(static.get_values()[0])


VECTOR_STATEMENTS = {
    "vector.broadcast": print_broadcast,
    "vector.extract": print_extract,
    "vector.insert": print_insert,
    "vector.from_elements": print_from_elements,
}
