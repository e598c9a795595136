"""Lowers kernels that reduce along rows or columns: the lines first, then totals over all lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from xdsl.ir import Attribute

from pullback.dialects.graph.kernel.schedule import GpuTuning
from pullback.dialects.graph.op.affine import Affine
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.lines.line_kernel import line_kernel
from pullback.passes.gpu.lines.line_mapping import types_of
from pullback.passes.gpu.lines.line_plan import LinePlan
from pullback.passes.gpu.lines.line_work import Partial, Work
from pullback.passes.gpu.lines.mappings import LineMappings
from pullback.passes.gpu.lines.split_lines import SplitLines
from pullback.passes.gpu.lines.totals import NONE, TotalsKernel
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims
from pullback.passes.gpu.pointwise import lower_pointwise
from pullback.passes.lowering.nodes import Output, Reduce
from pullback.passes.lowering.space import Space, schedule_of


def lower_lines(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """Kernels for what each line stores, and kernels of their own for what every line would store again."""
    plan = LinePlan.of(space, outputs)
    kernels: list[GpuKernel] = []
    if plan.has_lines:
        kernels = LineKernels(parameters, plan, schedule_of(parameters.signature.kernel).gpu).all()
    return kernels + lower_pointwise(parameters, plan.space, plan.apart, "_once")


class LineKernels:
    """The kernels that a plan needs: one for the lines, or several where they are split, and those of the totals."""

    def __init__(self, parameters: Parameters, plan: LinePlan, tuning: GpuTuning) -> None:
        self.parameters, self.plan = parameters, plan
        self.mappings = LineMappings(plan, tuning)

    def all(self) -> list[GpuKernel]:
        """The kernels, the lines' first."""
        plan, single, across = self.plan, self._single, self._across
        kernels = self._of_lines(Work(plan.stages.whole, types_of(plan.reductions.along), single, across))
        if single:
            kernels.append(self._over_all())
        if across:
            kernels.append(self._across_lines())
        return kernels

    def _of_lines(self, work: Work) -> list[GpuKernel]:
        plan, mappings = self.plan, self.mappings
        if mappings.is_split:
            return SplitLines(self.parameters, plan.stages, mappings.lines, mappings.whole).kernels(work)
        name = self.parameters.signature.name
        parameters, most = self.parameters.all(), self.parameters.shared_bytes
        kernel = line_kernel(
            name, mappings.lines, parameters, plan.lines, plan.points, work, shared_bytes=most
        )
        return [kernel]

    # ---- totals -----------------------------------------------------------------------------------------

    @cached_property
    def _single(self) -> list[Partial]:
        """What blocks leave for totals over all lines."""
        size = self.mappings.single_terms
        return [self._partial(n, n.element_type, size) for n in self.plan.reductions.single]

    @cached_property
    def _across(self) -> list[Partial]:
        """What blocks leave for totals across lines."""
        size = self.mappings.gathering.count * self.plan.points.size
        last = self.mappings.last
        return [
            self._partial(n, last.partial_type(Combination.of(n)), size) for n in self.plan.reductions.across
        ]

    def _partial(self, node: Reduce, element_type: Attribute, size: int) -> Partial:
        return Partial(node, self.parameters.scratch(element_type, size))

    @cached_property
    def _kept(self) -> dict[Reduce, int]:
        """The parameters of totals over all lines that outputs of totals across them need."""
        return {node: self.parameters.scratch(node.element_type, 1) for node in self.plan.single_for_across}

    def _over_all(self) -> GpuKernel:
        """One block adds up the terms of the totals over all lines."""
        plan, rank = self.plan, self.plan.space.rank
        kept = [Output(node, buffer, Affine.number(rank)) for node, buffer in self._kept.items()]
        totals = TotalsKernel("totals", plan.reductions.single, [*plan.of_single, *kept], NONE, plan.points)
        terms = Dims(rank, (self.mappings.single_terms,))
        at = Affine.dim(rank + 1, rank)
        return totals.kernel(self.parameters, self.mappings.over_all, self._single, terms, at)

    def _across_lines(self) -> GpuKernel:
        """Each point adds up its terms in the partial lines."""
        plan, rank, gathering = self.plan, self.plan.space.rank, self.mappings.gathering
        totals = TotalsKernel(
            "across", plan.reductions.across, plan.of_across, plan.points, earlier=self._kept
        )
        points = Affine((*plan.points.counted.coefficients, 0)) * gathering.point_stride
        at = points + Affine.dim(rank + 1, rank) * gathering.stride
        terms = Dims(rank, (gathering.count,))
        return totals.kernel(self.parameters, self.mappings.across, self._across, terms, at)
