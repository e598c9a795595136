"""What the lines of a kernel have to do: its outputs and its reductions, by what stores or forms them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.passes.gpu.lines.line_stages import LineStages
from pullback.passes.gpu.point import Dims
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.nodes import Load, Node, Output, Reduce, cone
from pullback.passes.lowering.space import Space


@dataclass(frozen=True)
class LinePlan:
    """The outputs of a kernel of rows or columns, and the reductions that they are made of."""

    space: Space
    nodes: Sequence[Node]
    reductions: LineReductions
    early: Sequence[Output]
    """Outputs that need no total over lines."""
    of_single: Sequence[Output]
    """Outputs made of totals over all lines alone."""
    of_across: Sequence[Output]
    """Outputs made of totals across lines, perhaps of totals over all of them as well."""
    apart: Sequence[Output]
    """Outputs that have no axes for some of the loops over lines: each line would store them again."""

    @staticmethod
    def of(space: Space, outputs: Sequence[Output]) -> LinePlan:
        """The plan for these outputs, whose dims become those that cannot be merged."""
        nodes = cone([node for output in outputs for node in output.nodes])
        space = merge_dims(KernelModel(space, outputs, nodes)).space
        around = {d for d in space.outer if space.extents[d] != 1}
        by_lines = [o for o in outputs if o.node.is_late or around <= o.offset.dims]
        nodes = cone([o.node for o in by_lines])
        late = [o for o in by_lines if o.node.is_late]
        of_across = [o for o in late if LineReductions.of(cone([o.node]), space.inner).across]
        return LinePlan(
            space,
            nodes,
            LineReductions.of(nodes, space.inner),
            [o for o in by_lines if not o.node.is_late],
            [o for o in late if o not in of_across],
            of_across,
            [o for o in outputs if o not in by_lines],
        )

    @staticmethod
    def of_kernel(kernel: Kernel, schedule: Schedule) -> LinePlan:
        """The plan for a kernel whose schedule was checked."""
        model = KernelModel.of(kernel, schedule)
        return LinePlan.of(model.space, model.outputs)

    @property
    def lines(self) -> Dims:
        """The dims that number the lines."""
        return Dims(0, self.space.parallel)

    @property
    def points(self) -> Dims:
        """The dims along a line."""
        return Dims(len(self.space.parallel), self.space.reduce)

    @property
    def stages(self) -> LineStages:
        """What each line does."""
        return LineStages(self.space, self.reductions, self.early)

    @property
    def has_lines(self) -> bool:
        """Whether anything is done per line."""
        return bool(self.early or self.of_single or self.of_across)

    @property
    def goes_along_at_last(self) -> bool:
        """Whether something is done at the points of lines after the last reduction."""
        return bool(self.stages.of_points or self.reductions.across)

    @property
    def sweeps(self) -> int:
        """How often each line is gone through."""
        return len(self.stages.stages) + self.goes_along_at_last

    @property
    def of_lines(self) -> list[Node]:
        """What is computed for each line and its points, before there are totals over lines."""
        reductions = [*self.reductions.along, *self.reductions.across, *self.reductions.single]
        return cone([*(o.node for o in self.early), *(node.operands[0] for node in reductions)])

    @property
    def loaded(self) -> list[Load]:
        """What is loaded at each point of a line."""
        inner = frozenset(self.space.inner)
        return [node for node in self.of_lines if isinstance(node, Load) and node.dims & inner]

    @property
    def single_for_across(self) -> list[Reduce]:
        """The totals over all lines that outputs of totals across them need."""
        return LineReductions.of(cone([o.node for o in self.of_across]), self.space.inner).single
