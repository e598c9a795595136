"""The mappings of all kernels that lines need, with the shared memory of each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

from pullback.dialects.graph.kernel.schedule import GpuTuning
from pullback.passes.gpu.lines.column_mapping import ColumnMapping
from pullback.passes.gpu.lines.line_mapping import Gathering
from pullback.passes.gpu.lines.line_plan import LinePlan
from pullback.passes.gpu.lines.line_tuning import mapping_of
from pullback.passes.gpu.lines.row_mapping import RowMapping
from pullback.passes.lowering.nodes import Reduce

RowsOrColumns: TypeAlias = RowMapping | ColumnMapping


class LineMappings:
    """The mappings for a plan whose tuning was checked."""

    def __init__(self, plan: LinePlan, tuning: GpuTuning) -> None:
        self._plan = plan
        self.lines = mapping_of(plan, tuning)
        """That of the lines, or of their parts."""
        self.is_split = self.lines.split > 1 and plan.sweeps > 0

    @cached_property
    def whole(self) -> RowsOrColumns:
        """That of the lines which add up their parts."""
        plan, lines = self._plan, self._plan.lines.size
        if plan.space.reduces_leading:
            return ColumnMapping.default(lines, self.lines.split)
        return RowMapping.default(lines, self.lines.split)

    @property
    def last(self) -> RowsOrColumns:
        """That of the kernel which leaves what is added to totals."""
        return self.whole if self.is_split and not self._plan.goes_along_at_last else self.lines

    @property
    def single_terms(self) -> int:
        """The number of terms of a total over all lines."""
        return self.last.single_partials(self._plan.lines.size)

    @property
    def over_all(self) -> RowsOrColumns:
        """That of the one row of these terms."""
        return RowMapping.default(1, self.single_terms)

    @property
    def gathering(self) -> Gathering:
        """The partial lines of totals across lines."""
        return self.last.gathering(self._plan.lines.size, self._plan.points.size)

    @property
    def across(self) -> RowsOrColumns:
        """That of the points, each of which adds up its terms in the partial lines."""
        points, count = self._plan.points.size, self.gathering.count
        if self.gathering.point_stride == 1:
            return ColumnMapping.default(points, count)
        return RowMapping.default(points, count)

    def shared_bytes(self) -> list[int]:
        """The least shared memory of each kernel."""
        reductions = self._plan.reductions
        needing: list[tuple[RowsOrColumns, Sequence[Reduce]]] = [
            (self.lines, reductions.along),
            (self.over_all, reductions.single),
            (self.across, reductions.across),
        ]
        if self.is_split:
            needing.append((self.whole, reductions.along))
        return [mapping.shared_bytes(nodes) for mapping, nodes in needing]
