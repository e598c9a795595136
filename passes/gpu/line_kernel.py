"""Kernels that reduce along rows or columns: the lines first, then totals over all lines, in kernels of their own.

No block waits for all others. So the first kernel leaves in scratch memory what each line adds to a total, or
what each of its points adds to a total across the lines. Of the three sums in `line_reductions` come three kernels:

    gpu.func @main_kernel_0(%x, %a, %partial4, %partial5)     // a block for each row: %a[row], and its shares
    gpu.func @main_kernel_0_totals(%c, %partial4)             // one block adds up %partial4 : memref<4xf32>
    gpu.func @main_kernel_0_across(%b, %partial5)             // each column of %partial5 : memref<32xf32>
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from pullback.dialects.graph.op.affine import linear
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.column_reduction import COLUMNS
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.line import Combination, Line, LineBody, LineEmitter
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.gpu.pointwise import lower_pointwise
from pullback.passes.gpu.row_reduction import ROWS
from pullback.passes.lowering.code_builder import combine
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.long_sums import total_type
from pullback.passes.lowering.nodes import Node, Output, Reduce, cone
from pullback.passes.lowering.space import Space

NONE = Dims(0, ())
"""The empty set of dims."""


def lower_lines(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """Kernels for what each line stores, and kernels of their own for what every line would store again."""
    kernels: list[GpuKernel] = []
    per_line = stored_by_lines(space, outputs)
    if per_line:
        plan = LinePlan.of(space, per_line)
        kernels = plan.kernels(parameters, space)
    return kernels + lower_pointwise(parameters, space, [o for o in outputs if o not in per_line], "_once")


def stored_by_lines(space: Space, outputs: Sequence[Output]) -> list[Output]:
    """The outputs that lines store; others have no axes for some of the loops over lines."""
    around = {d for d in space.outer if space.extents[d] != 1}
    return [o for o in outputs if o.node.is_late or around <= o.offset.dims]


@dataclass(frozen=True)
class LinePlan:
    """The kernels that a space of lines needs: one for the lines, and those of the totals."""

    emitter: LineEmitter
    reductions: LineReductions
    early: list[Output]
    totals: list[TotalsKernel]

    @staticmethod
    def of(space: Space, outputs: Sequence[Output]) -> LinePlan:
        reductions = reductions_in(outputs, space)
        early, late = ([o for o in outputs if o.node.is_late is wanted] for wanted in (False, True))
        of_points = [o for o in late if reductions_in([o], space).across]
        single = [o for o in late if o not in of_points]
        points = Dims(len(space.parallel), space.reduce)
        across = ROWS if space.reduces_leading else COLUMNS
        totals = [
            TotalsKernel("totals", reductions.single, single, ROWS, NONE, points),
            TotalsKernel("across", reductions.across, of_points, across, points),
        ]
        emitter = COLUMNS if space.reduces_leading else ROWS
        return LinePlan(emitter, reductions, early, [group for group in totals if group.nodes])

    def kernels(self, parameters: Parameters, space: Space) -> list[GpuKernel]:
        """The kernels, the lines' first."""
        lines, points = Dims(0, space.parallel), Dims(len(space.parallel), space.reduce)
        partials = {
            node: partial(parameters, space, node, node in self.reductions.across)
            for group in self.totals
            for node in group.nodes
        }
        first = line_body(space, self.reductions, [*self.early, *partials.values()])
        name, threads = parameters.signature.name, parameters.threads
        kernels = [self.emitter.emit(name, parameters.all(), lines, points, first, threads)]
        for group in self.totals:
            body = group.body([partials[node] for node in group.nodes])
            of_group = f"{name}_{group.name}"
            kernels.append(group.emitter.emit(of_group, parameters.all(), group.around, lines, body, threads))
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
    kind = node.element_type
    combined = functools.partial(combine, node.op)
    return Combination(kind, combined, node.op.neutral(kind), total_type(node.op, kind))


# ---- totals over all lines ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TotalsKernel:
    """Totals of one kind, and the kernel that forms them: of what each line adds, or of what its points add."""

    name: str
    nodes: Sequence[Reduce]
    outputs: Sequence[Output]
    emitter: LineEmitter
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
