"""Random finished graphs, and invariants of their schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import Attribute

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.by_index.gather import ConcatSlices, Densify, Gather, MakeSlices, SliceValues
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Cast, Maximum, Where
from pullback.dialects.graph.elementwise.complex_numbers import Imag, MakeComplex, Real
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.markers import Accumulate, AddN, Gate
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.split_concat import Concat, Split
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.state.variables import (
    Assign,
    AssignAdd,
    AssignSub,
    Read,
    ReadRows,
    ScatterUpdate,
    VariableOp,
)
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES, VariableType, shape_of_type, tensor_type
from pullback.dialects.verification import verify

SHAPES = [(), (4,), (3, 4), (4, 4), (1, 4), (3, 1), (2, 3, 4), (5, 3), (4, 3)]
F64, I32 = DTYPES["f64"], DTYPES["i32"]
VARIABLES = {"w": (3, 4), "v": (4,)}


class Program:
    """A function that is built step by step from drawn choices."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        inputs: list[Attribute] = [tensor_type(F64, s) for s in ((3, 4), (4,), (2, 3, 4), ())]
        self.function = func.FuncOp("main", ([*inputs, tensor_type(I32, (5,))], []))
        block = self.function.body.block
        *values, self.indices = (Tensor(a) for a in block.args)
        self.values: list[Tensor] = values
        with inserting(block.add_op):
            self.variables = [
                VariableOp.emit_as([], VariableType(tensor_type(F64, shape)), {"variable": StringAttr(name)})
                for name, shape in VARIABLES.items()
            ]
            for _ in range(draw(st.integers(1, 14))):
                self.step(depth=0)
            outputs = draw(st.lists(st.sampled_from(self.values), min_size=1, max_size=4))
        block.add_op(func.ReturnOp(*(t.value for t in outputs)))
        self.function.update_function_type()
        self.module = ModuleOp([self.function])
        verify(self.module)

    # ---- choices ----------------------------------------------------------------------------------------

    def pick(self, shape: tuple[int, ...] | None = None, rank: int | None = None) -> Tensor | None:
        fits = [
            t
            for t in self.values
            if (shape is None or t.extents == shape) and (rank is None or t.ndim == rank)
        ]
        return self.draw(st.sampled_from(fits)) if fits else None

    def some(self) -> Tensor:
        # Late values are drawn more often, so that chains grow.
        recent = self.values[-4:]
        return self.draw(st.sampled_from(self.values if self.draw(st.booleans()) else recent))

    def compatible(self, x: Tensor) -> Tensor:
        """A value that broadcasts against `x`."""

        def fits(t: Tensor) -> bool:
            try:
                return len(np.broadcast_shapes(t.extents, x.extents)) <= 3
            except ValueError:
                return False

        return self.draw(st.sampled_from([x, *(t for t in self.values if fits(t))]))

    def step(self, depth: int) -> None:
        kinds = list(STEPS)
        made = STEPS[self.draw(st.sampled_from(kinds))](self, depth)
        self.values += [t for t in made if int(np.prod(t.extents)) <= 200]


Made = Sequence[Tensor]


def elementwise(p: Program, depth: int) -> Made:
    x = p.some()
    match p.draw(st.integers(0, 7)):
        case 0:
            return [Tanh.of(x)]
        case 1:
            return [Exp.of(-(x * x))]
        case 2:
            return [x + p.compatible(x)]
        case 3:
            return [x - 0.5 * p.compatible(x)]
        case 4:
            return [p.compatible(x) * x]
        case 5:
            return [Where.of(x > p.compatible(x), x, 0.25)]
        case 6:
            return [Maximum.of(x, Fill.full(0.1, tensor_type(F64, x.extents)))]
        case _:
            return [Cast.to(Cast.to(x, DTYPES["f32"]), F64) / 3.0]


def reduction(p: Program, depth: int) -> Made:
    x = p.some()
    axes = p.draw(st.lists(st.integers(0, x.ndim - 1), unique=True)) if x.ndim else []
    op = p.draw(st.sampled_from([Sum, Max]))
    return [op.over(x, axes or None, keepdims=p.draw(st.booleans()))]


def normalised(p: Program, depth: int) -> Made:
    x = p.some()
    if not x.ndim:
        return []
    axis = p.draw(st.integers(0, x.ndim - 1))
    e = Exp.of(x - Max.over(x, axis, keepdims=True))
    total = Sum.over(e, axis, keepdims=True)
    return [e / total, total]


def moved(p: Program, depth: int) -> Made:
    x = p.some()
    match p.draw(st.integers(0, 4)):
        case 0:
            return [Transpose.of(x)]
        case 1:
            return [ExpandDims.at(x, [p.draw(st.integers(0, x.ndim))])]
        case 2:
            return [Reshape.to(x, (int(np.prod(x.extents)),))]
        case 3 if x.ndim < 3:
            return [BroadcastTo.emit_as([x.value], tensor_type(F64, (2, *x.extents)))]
        case _:
            long = [n for n in x.extents if n != 1]
            return [Reshape.to(x, (1, *long))]


def pieces(p: Program, depth: int) -> Made:
    x = p.some()
    if not x.ndim:
        return []
    axis = p.draw(st.integers(0, x.ndim - 1))
    first = p.draw(st.integers(0, x.extents[axis]))
    at = IntegerAttr(axis, i64)
    made = Split.emit([x.value], {"axis": at, "sizes": integers([first, x.extents[axis] - first])})
    parts = [Tensor(r) for r in made.results]
    return [*parts, Concat.of(*reversed(parts), axis=at)]


def product(p: Program, depth: int) -> Made:
    x, y = p.pick(rank=2), p.pick(rank=2)
    if x is None or y is None:
        return []
    for a in (False, True):
        for b in (False, True):
            if x.extents[0 if a else 1] == y.extents[1 if b else 0]:
                z = MatMul.product(x, y, a, b)
                return [z, Tanh.of(z + 0.5), z * z - p.compatible(z)]
    return []


def rows(p: Program, depth: int) -> Made:
    x = p.some()
    if not x.ndim:
        return []
    taken = Gather.of(x, p.indices)
    slices = MakeSlices.make(Tanh.of(taken), p.indices, x)
    twice = ConcatSlices.of(slices, MakeSlices.make(taken, p.indices, x))
    match p.draw(st.integers(0, 3)):
        case 0:
            return [taken, Densify.of(slices)]
        case 1:
            return [x - Densify.of(slices), taken * 2.0]
        case 2:
            return [AddN.of(x, slices, x), SliceValues.of(twice)]
        case _:
            return [Densify.of(twice) + x]


def sums(p: Program, depth: int) -> Made:
    x = p.some()
    others = [t for t in p.values if t.extents == x.extents]
    terms = p.draw(st.lists(st.sampled_from(others), min_size=1, max_size=4))
    return [AddN.of(x, *terms), Accumulate.of(x, terms[0])]


def gate(p: Program, depth: int) -> Made:
    if depth:
        return []
    chosen = p.draw(st.lists(st.sampled_from(p.values), min_size=1, max_size=3))
    return Gate.mark(chosen)


def update(p: Program, depth: int) -> Made:
    variable = p.draw(st.sampled_from(p.variables))
    shape = shape_of_type(variable.type.data_type)  # pyright: ignore[reportAttributeAccessIssue]
    value = p.pick(shape)
    before = Read.of(variable)
    match p.draw(st.integers(0, 5)):
        case 0 if value is not None:
            Assign.apply(variable, value)
        case 1:
            taken = Gather.of(before, p.indices)
            AssignSub.apply(variable, MakeSlices.make(0.1 * taken, p.indices, before))
        case 2 if value is not None:
            AssignSub.apply(variable, 0.5 * value)
        case 3 if value is not None:
            AssignAdd.apply(variable, 0.5 * value)
        case 4:
            taken = ReadRows.of(variable, p.indices)
            ScatterUpdate.apply(variable, MakeSlices.make(0.5 - taken, p.indices, before))
        case _:
            pass
    return [before, Read.of(variable)]


def on_host(p: Program, depth: int) -> Made:
    """Complex numbers, which no kernel computes with."""
    x = p.some()
    z = MakeComplex.of(x, p.draw(st.sampled_from([t for t in p.values if t.extents == x.extents])))
    match p.draw(st.integers(0, 4)):
        case 0:
            z = z * z + MakeComplex.of(x, x)
        case 1:
            z = Transpose.of(ExpandDims.at(z, [0])) - 1.0
        case 2 if z.ndim:
            return [Real.of(Densify.of(MakeSlices.make(Gather.of(z, p.indices), p.indices, z)))]
        case 3 if z.ndim and z.extents[0]:
            made = Split.emit(
                [z.value], {"axis": IntegerAttr(0, i64), "sizes": integers([1, z.extents[0] - 1])}
            )
            return [Imag.of(Tensor(r)) for r in made.results]
        case _:
            z = Sum.over(Reshape.to(z, (int(np.prod(z.extents)),)), keepdims=True)
    return [Real.of(z), Imag.of(z)]


def loop(p: Program, depth: int) -> Made:
    if depth > 1:
        return []
    x, c = p.some(), p.some()
    count = Fill.full(0, tensor_type(I32, ()))
    made = While.over([count, x])
    for region, inside in ((made.condition, False), (made.body, True)):
        i, carried = (Tensor(a) for a in region.block.args)
        with inserting(region.block.add_op):
            if not inside:
                region.block.add_op(Condition.create(operands=[(i < 2).value]))
                continue
            kept = list(p.values)
            p.values += [carried]
            for _ in range(p.draw(st.integers(0, 3))):
                p.step(depth + 1)
            latest = p.pick(x.extents)
            p.values = kept
            following = carried * 0.5 + Sum.over(Tanh.of(c)) if latest is None else latest
            region.block.add_op(Yield.create(operands=[(i + 1).value, following.value]))
    insert(made)
    return [Tensor(made.results[1])]


STEPS: dict[str, Callable[[Program, int], Made]] = {
    "elementwise": elementwise,
    "more elementwise": elementwise,
    "reduction": reduction,
    "normalised": normalised,
    "moved": moved,
    "pieces": pieces,
    "product": product,
    "rows": rows,
    "sums": sums,
    "gate": gate,
    "on the host": on_host,
    "update": update,
    "loop": loop,
}

programs = st.composite(lambda draw: Program(draw))


def arguments() -> list[Any]:
    """Fixed inputs: the graphs are what is random."""
    rng = np.random.default_rng(7)
    return [
        *(rng.uniform(-1, 1, shape) for shape in ((3, 4), (4,), (2, 3, 4), ())),
        np.array([0, 2, 2, 1, 7], np.int32),
    ]


def contents() -> dict[str, Any]:
    """What is in the variables at first."""
    return {name: np.linspace(-1, 1, int(np.prod(s))).reshape(s) for name, s in VARIABLES.items()}


def outcome(function: func.FuncOp) -> list[Any]:
    """What a function returns and what it leaves in its variables."""
    variables = contents()
    results = evaluate(function, arguments(), variables)
    return [*results, *variables.values()]
