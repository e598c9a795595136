"""Kernels that reduce along rows or columns: the lines first, then totals over all lines, in kernels of their own.

No block waits for all others. So the first kernel leaves in scratch memory what each line adds to a total, or
what each of its points adds to a total across the lines. Of the three sums in `line_reductions` come three kernels:

    gpu.func @main_kernel_0(%x, %a, %partial4, %partial5)     // a block for each row: %a[row], and its shares
    gpu.func @main_kernel_0_totals(%c, %partial4)             // one block adds up %partial4 : memref<4xf32>
    gpu.func @main_kernel_0_across(%b, %partial5)             // each column of %partial5 : memref<32xf32>
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from pullback.dialects.graph.op.affine import linear
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.column_reduction import column_reduction
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.line import Combination, Line, LineBody, LineEmitter
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.gpu.pointwise import lower_pointwise
from pullback.passes.gpu.row_reduction import row_reduction
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.long_sums import total_type
from pullback.passes.lowering.nodes import Node, Output, Reduce, cone
from pullback.passes.lowering.space import Space

NONE = Dims(0, ())
"""The empty set of dims."""


def lower_lines(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """Kernels for what each line stores, and kernels of their own for what every line would store again.

    Raises DiagnosticError where a total is used inside of lines, or together with totals across them.
    """
    around = {d for d in space.outer if space.extents[d] != 1}
    once = [o for o in outputs if not o.node.is_late and not around <= o.offset.dims]
    rest = [o for o in outputs if o not in once]
    kernels = _line_kernels(parameters, space, rest) if rest else []
    return kernels + lower_pointwise(parameters, space, once, "_once")


def _line_kernels(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """The kernels of a space whose lines are rows or columns."""
    reductions = reductions_in(outputs, space)
    across, single = reductions.across, reductions.single
    if any(node.operands[0].is_late for node in (*reductions.along, *across, *single)):
        raise DiagnosticError("a total over all lines is used inside a line of one kernel", space.kernel)
    early, late = ([o for o in outputs if o.node.is_late is wanted] for wanted in (False, True))
    lines, points = Dims(0, space.parallel), Dims(len(space.parallel), space.reduce)
    of_points = [o for o in late if reductions_in([o], space).across]
    if reductions_in(of_points, space).single:
        raise DiagnosticError("totals over all lines and across them are used together", space.kernel)
    groups = [
        TotalsKernel("totals", single, [o for o in late if o not in of_points], row_reduction, NONE, points),
        TotalsKernel(
            "across", across, of_points, row_reduction if space.reduces_leading else column_reduction, points
        ),
    ]
    groups = [group for group in groups if group.nodes]
    partials = {
        node: partial(parameters, space, node, node in across) for group in groups for node in group.nodes
    }
    emit = column_reduction if space.reduces_leading else row_reduction
    first = line_body(space, reductions, [*early, *partials.values()])
    kernels = [emit(parameters.signature.name, parameters.all(), lines, points, first)]
    for group in groups:
        name = f"{parameters.signature.name}_{group.name}"
        body = group.body([partials[node] for node in group.nodes])
        kernels.append(group.emit(name, parameters.all(), group.around, lines, body))
    return kernels


def reductions_in(outputs: Sequence[Output], space: Space) -> LineReductions:
    """The reductions that outputs are made of."""
    return LineReductions.of(cone([o.node for o in outputs]), space.inner)


def line_body(space: Space, reductions: LineReductions, outputs: Sequence[Output]) -> LineBody:
    """Per line the stages of its reductions, then its points, then what is one per line."""
    inner = frozenset(space.inner)
    of_points = [output for output in outputs if output.offset.dims & inner]
    per_line = [output for output in outputs if not output.offset.dims & inner]

    def body(line: Line) -> None:
        point = line.point
        for stage in sorted({node.operands[0].stage for node in reductions.along}):
            of_stage = reductions.along_at(stage)
            operands: list[Node] = [node.operands[0] for node in of_stage]
            point.prepare(operands, inner)
            reduce_into(line, of_stage, lambda point, o=operands: point.values(o))
        if of_points:
            point.prepare([o.node for o in of_points], inner)
            line.each(lambda point: store(point, of_points))
        if per_line:
            line.lead(lambda point: store(point, per_line))

    return body


def store(point: Point, outputs: Sequence[Output]) -> None:
    """Computes and stores outputs at a point."""
    point.store_outputs(outputs, point.inputs)


def reduce_into(line: Line, nodes: Sequence[Reduce], terms: Callable[[Point], Sequence[Scalar]]) -> None:
    """Makes reductions known, given their terms at each point of a line."""
    combinations = [combination(node) for node in nodes]
    line.point.known |= dict(zip(nodes, line.reduce(combinations, terms), strict=True))


def combination(node: Reduce) -> Combination:
    """The combination of a reduction."""
    op = type(node.op)
    kind = node.element_type
    return Combination(kind, op.COMBINE, op.neutral(kind), total_type(node.op, kind))


# ---- totals over all lines ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TotalsKernel:
    """Totals of one kind, and the kernel that forms them: of what each line adds, or of what its points add."""

    name: str
    nodes: Sequence[Reduce]
    outputs: Sequence[Output]
    emit: LineEmitter
    around: Dims
    """The dims along which there are several of them."""
    spread: Dims = NONE
    """The dims along which an output may hold the same total many times, as that of what does not change there."""

    def body(self, partials: Sequence[Output]) -> LineBody:
        """Combine what all lines left, and compute what is made of it."""

        def body(line: Line) -> None:
            def terms(point: Point) -> list[Scalar]:
                return [point.load(point.inputs[p.result], p.offset) for p in partials]

            reduce_into(line, self.nodes, terms)
            many = [output for output in self.outputs if output.offset.dims & self.spread.numbers]
            single = [output for output in self.outputs if output not in many]
            if many:
                line.each(lambda point: store(point, many), self.spread)
            if single:
                line.lead(lambda point: store(point, single))

        return body


def partial(parameters: Parameters, space: Space, total: Reduce, is_across: bool) -> Output:
    """The partial result of a total, as an output of the first kernel in a scratch buffer."""
    dims = space.whole if is_across else space.outer
    shape = [space.extents[d] for d in dims]
    offset = linear(tuple(space.dim(d) for d in dims), shape, space.rank)
    (operand,) = total.operands
    return Output(operand, parameters.scratch(operand.element_type, prod(shape)), offset)
