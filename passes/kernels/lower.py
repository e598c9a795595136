"""A `graph.kernel` as GPU kernels: the emitter is chosen by the kind that the schedule names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from pullback.dialects.diagnostics import DiagnosticError
from pullback.dialects.graph.scalar import Scalar
from pullback.passes.kernels.arguments import Arguments, Lowered
from pullback.passes.kernels.build import Kernel, elements
from pullback.passes.kernels.point import Point
from pullback.passes.kernels.pointwise import pointwise
from pullback.passes.kernels.row_reduction import Combination, Row, row_reduction
from pullback.passes.kernels.values import Values
from pullback.passes.loops.affine import Affine, row_major_strides
from pullback.passes.loops.kernel_function import Signature
from pullback.passes.loops.nodes import Contraction, Load, Node, Output, Reduce, cone
from pullback.passes.loops.outputs import outputs_of
from pullback.passes.loops.space import Schedule, Space


def lower_kernel(signature: Signature) -> Lowered:
    """The GPU kernels of a `graph.kernel`.

    Raises DiagnosticError where it has no schedule, one that does not fit, or a kind that has no emitter yet.
    """
    schedule = Schedule.of(signature.kernel)
    emit = EMITTERS.get(schedule.kind)
    if emit is None:
        raise DiagnosticError(
            f"no GPU kernel of kind '{schedule.kind}' yet: expected one of {', '.join(EMITTERS)}",
            signature.kernel,
        )
    space, outputs = outputs_of(Space.of(signature.kernel, schedule))
    arguments = Arguments(signature)
    if any(output.row is not None for output in outputs):
        raise DiagnosticError("rows that are added in place have no GPU kernel yet", signature.kernel)
    for node in cone([output.node for output in outputs]):
        if isinstance(node, Contraction):
            raise DiagnosticError("a matrix product has no GPU kernel yet", signature.kernel)
        if isinstance(node, Load):
            node.argument = arguments.input(node.argument)
    for output in outputs:
        output.result = arguments.output(output.result)
    kernels = emit(arguments, space, outputs)
    return Lowered(kernels, arguments.places())


def _pointwise(arguments: Arguments, space: Space, outputs: list[Output]) -> list[Kernel]:
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

        kernels.append(pointwise(arguments.signature.name + suffix, arguments.all(), extents, body))
    return kernels


def _store(values: Values, store: Callable[[int, Affine, Scalar], None], outputs: Sequence[Output]) -> None:
    """Compute outputs, and only then store them: one may take the place of an input."""
    for output, value in zip(outputs, values.of([o.node for o in outputs]), strict=True):
        store(output.result, output.offset, value)


def _rows(arguments: Arguments, space: Space, outputs: list[Output]) -> list[Kernel]:
    """One kernel: per row the stages of its reductions, then its elements, then what is one per row.

    Totals over all rows need a second kernel: the first one leaves what each row adds to them.
    """
    reduces = [node for node in cone([o.node for o in outputs]) if isinstance(node, Reduce)]
    totals = [node for node in reduces if node.is_outer]
    early, late = [[o for o in outputs if o.node.is_late is wanted] for wanted in (False, True)]
    partial = [_partial(arguments, space, node) for node in totals]
    if any(output.offset.dims for output in late):
        raise DiagnosticError("a total over all rows is used inside a row of one kernel", space.kernel)
    kernels = [_row_kernel(arguments, space, [n for n in reduces if not n.is_outer], [*early, *partial])]
    if totals:
        kernels.append(_totals_kernel(arguments, space, list(zip(totals, partial, strict=True)), late))
    return kernels


def _row_kernel(
    arguments: Arguments, space: Space, reduces: Sequence[Reduce], outputs: Sequence[Output]
) -> Kernel:
    inner = frozenset(space.inner)
    of_elements = [output for output in outputs if output.offset.dims & inner]
    per_row = [output for output in outputs if not output.offset.dims & inner]

    def body(row: Row) -> None:
        values = Values(row.point)
        for stage in sorted({node.operands[0].stage for node in reduces}):
            _reduce(row, values, [n for n in reduces if n.operands[0].stage == stage], inner)
        values.of(
            [o.node for o in per_row]
        )  # before an element may take the place of what they are made from
        if of_elements:
            values.prepare([o.node for o in of_elements], inner)
            row.each(lambda point: _store(Values(point, values), point.store, of_elements))
        if per_row:
            _store(values, row.store, per_row)

    return row_reduction(arguments.signature.name, arguments.all(), space.parallel, space.reduce, body)


def _partial(arguments: Arguments, space: Space, total: Reduce) -> Output:
    """What each row adds to a total, as an output in a scratch buffer."""
    (operand,) = total.operands
    if operand.dims & frozenset(space.inner) or operand.is_late:
        raise DiagnosticError("a sum down the columns of a rows kernel has no GPU kernel yet", space.kernel)
    strides = row_major_strides(space.parallel)
    offset = Affine((*strides, *(0 for _ in range(space.rank - len(strides)))))
    return Output(operand, arguments.scratch(operand.element_type, elements(space.parallel)), offset)


def _totals_kernel(
    arguments: Arguments, space: Space, totals: Sequence[tuple[Reduce, Output]], late: Sequence[Output]
) -> Kernel:
    """One block, which combines what the rows left and computes what is made of it."""

    def body(row: Row) -> None:
        values = Values(row.point)
        combined = row.reduce(
            [_combination(node) for node, _ in totals],
            lambda point: [point.load(partial.result, partial.offset) for _, partial in totals],
        )
        values.known |= {node: total for (node, _), total in zip(totals, combined, strict=True)}
        _store(values, row.store, late)

    name = f"{arguments.signature.name}_totals"
    return row_reduction(name, arguments.all(), (), space.parallel, body)


def _reduce(row: Row, values: Values, reduces: Sequence[Reduce], inner: frozenset[int]) -> None:
    operands: list[Node] = [node.operands[0] for node in reduces]
    values.prepare(operands, inner)
    totals = row.reduce([_combination(n) for n in reduces], lambda point: Values(point, values).of(operands))
    values.known |= dict(zip(reduces, totals, strict=True))


def _combination(node: Reduce) -> Combination:
    op = type(node.op)
    return Combination(node.element_type, op.COMBINE, op.neutral(node.element_type))


Emitter: TypeAlias = Callable[[Arguments, Space, list[Output]], list[Kernel]]
EMITTERS: dict[str, Emitter] = {"pointwise": _pointwise, "concat": _pointwise, "rows": _rows}
