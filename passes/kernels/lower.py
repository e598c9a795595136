"""A `graph.kernel` as GPU kernels: the emitter is chosen by the kind that the schedule names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from pullback.dialects.diagnostics import DiagnosticError
from pullback.dialects.graph.scalar import Scalar
from pullback.dialects.graph.types import element_type_of
from pullback.passes.kernels.build import Buffer, Kernel
from pullback.passes.kernels.point import Point
from pullback.passes.kernels.pointwise import pointwise
from pullback.passes.kernels.row_reduction import Combination, Row, row_reduction
from pullback.passes.kernels.values import Values
from pullback.passes.loops.affine import Affine
from pullback.passes.loops.kernel_function import Signature, element_count
from pullback.passes.loops.nodes import Load, Node, Output, Reduce, cone
from pullback.passes.loops.space import Schedule, Space
from pullback.passes.loops.values import outputs_of


@dataclass(frozen=True)
class Lowered:
    """Kernels to launch one after the other, all on these buffers."""

    kernels: list[Kernel]
    arguments: list[Hashable]


@dataclass
class _Arguments:
    """One argument for each distinct buffer that a kernel touches."""

    signature: Signature
    buffers: dict[Hashable, Buffer] = field(default_factory=dict)

    def declare(self, key: Hashable, value: SSAValue, fallback: str) -> int:
        """The position of the argument for a buffer, seen as `value`."""
        if key not in self.buffers:
            element_type, count = element_type_of(value.type), element_count(value.type)
            self.buffers[key] = Buffer(element_type, count, value.name_hint or fallback)
        return list(self.buffers).index(key)

    def input(self, number: int) -> int:
        kernel = self.signature.kernel
        return self.declare(self.signature.inputs[number], kernel.operands[number], f"input{number}")

    def output(self, number: int) -> int:
        kernel = self.signature.kernel
        return self.declare(self.signature.outputs[number], kernel.results[number], f"output{number}")


def lower_kernel(signature: Signature) -> Lowered:
    """The GPU kernels of a `graph.kernel`.

    Raises DiagnosticError where it has no schedule, one that does not fit, or a kind that has no emitter yet.
    """
    schedule = Schedule.of(signature.kernel)
    emit = EMITTERS.get(schedule.kind)
    if emit is None:
        raise DiagnosticError(
            f"no GPU kernel of kind '{schedule.kind}': expected one of {', '.join(EMITTERS)}",
            signature.kernel,
        )
    space = Space(signature.kernel, schedule.parallel, schedule.reduce)
    outputs = outputs_of(space)
    arguments = _Arguments(signature)
    for node in cone([output.node for output in outputs]):
        if isinstance(node, Load):
            node.argument = arguments.input(node.argument)
    for output in outputs:
        output.result = arguments.output(output.result)
    kernels = emit(signature.name, list(arguments.buffers.values()), space, outputs)
    return Lowered(kernels, list(arguments.buffers))


def _pointwise(name: str, buffers: Sequence[Buffer], space: Space, outputs: list[Output]) -> list[Kernel]:
    """One kernel for all outputs that run along the same dims."""
    groups: dict[frozenset[int], list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.offset.dims, []).append(output)
    kernels: list[Kernel] = []
    for number, (dims, group) in enumerate(groups.items()):
        suffix = f"_{number}" if number else ""
        # Along other dims, all points would write the same element.
        extents = [n if d in dims else min(n, 1) for d, n in enumerate(space.extents)]

        def body(point: Point, group: list[Output] = group) -> None:
            _store(Values(point), point.store, group)

        kernels.append(pointwise(name + suffix, buffers, extents, body))
    return kernels


def _store(values: Values, store: Callable[[int, Affine, Scalar], None], outputs: Sequence[Output]) -> None:
    """Compute outputs, and only then store them: one may take the place of an input."""
    for output, value in zip(outputs, values.of([o.node for o in outputs]), strict=True):
        store(output.result, output.offset, value)


def _rows(name: str, buffers: Sequence[Buffer], space: Space, outputs: list[Output]) -> list[Kernel]:
    """One kernel: per row the stages of its reductions, then its elements, then what is one per row."""
    reduces = [node for node in cone([o.node for o in outputs]) if isinstance(node, Reduce)]
    if any(node.is_outer for node in reduces):
        raise DiagnosticError("a total over all rows has no GPU kernel yet", space.kernel)
    inner = frozenset(space.inner)
    elements = [output for output in outputs if output.offset.dims & inner]
    per_row = [output for output in outputs if not output.offset.dims & inner]

    def body(row: Row) -> None:
        values = Values(row.point)
        for stage in sorted({node.operands[0].stage for node in reduces}):
            _reduce(row, values, [n for n in reduces if n.operands[0].stage == stage], inner)
        values.of(
            [o.node for o in per_row]
        )  # before an element may take the place of what they are made from
        if elements:
            values.prepare([o.node for o in elements], inner)
            row.each(lambda point: _store(Values(point, values), point.store, elements))
        if per_row:
            _store(values, row.store, per_row)

    return [row_reduction(name, buffers, space.parallel, space.reduce, body)]


def _reduce(row: Row, values: Values, reduces: Sequence[Reduce], inner: frozenset[int]) -> None:
    operands: list[Node] = [node.operands[0] for node in reduces]
    values.prepare(operands, inner)
    combinations = [
        Combination(n.element_type, type(n.op).COMBINE, type(n.op).neutral(n.element_type)) for n in reduces
    ]
    totals = row.reduce(combinations, lambda point: Values(point, values).of(operands))
    values.known |= dict(zip(reduces, totals, strict=True))


Emitter = Callable[[str, Sequence[Buffer], Space, list[Output]], list[Kernel]]
EMITTERS: dict[str, Emitter] = {"pointwise": _pointwise, "rows": _rows}
