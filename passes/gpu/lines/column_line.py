"""A column in the threads that share it: those with its lane, in all warps of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import memref
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BarrierOp
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder
from pullback.passes.gpu.lines.combination import Combination, powers_between
from pullback.passes.gpu.lines.lane_values import elements_of, joined
from pullback.passes.gpu.lines.line import Line, Share, neutral
from pullback.passes.gpu.lines.shared_cells import SharedCells
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import result_of


@dataclass(frozen=True)
class ColumnLanes:
    """Where a thread is: `count` lanes side by side in a row of the space, in one of `groups` of them.

    Each has `vector` neighbouring columns.
    """

    count: int
    lane: SSAValue
    group: SSAValue
    groups: int
    thread: SSAValue
    vector: int


class ColumnLine(Line):
    """One column of the space.

    The last block may have more lanes than there are columns left; those compute column 0, for the barriers,
    and store nothing.
    """

    def __init__(
        self,
        builder: KernelBuilder,
        column: Segment,
        reduced: Dims,
        share: Share,
        columns: ColumnLanes,
        cells: SharedCells,
        exists: SSAValue | None = None,
        part: SSAValue | None = None,
    ) -> None:
        self._columns, self._cells = columns, cells
        super().__init__(builder, column, reduced, share, exists, part)

    @property
    def _lanes_of_line(self) -> int:
        return self._columns.vector

    def _point(self, along: Segment, lanes: int) -> Point:
        return Point(self._builder, [along, self._line], self.point, self._lanes_of_line)

    def _is_first(self) -> SSAValue | None:
        if self._columns.groups == 1:
            return None
        return result_of(CmpiOp(self._columns.group, self._builder.index(0), "eq"), "leads_column")

    def _side_by_side(self) -> tuple[SSAValue, int]:
        return self._columns.group, self._columns.groups

    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The rows of a warp by shuffles, then the warps through shared memory, as many totals as it has room for."""
        distances = powers_between(self._columns.count, WARP)
        pairs = zip(combinations, totals, strict=True)
        totals = [c.across_lanes(self._builder, total, distances) for c, total in pairs]
        if self._builder.threads == WARP or self._columns.groups == 1:
            return totals
        each = [c for c in combinations for _ in range(self._columns.vector)]
        elements = [element for total in totals for element in elements_of(total)]
        found: list[Scalar] = []
        for scratch in self._cells.exchanges([c.element_type for c in each]):
            here = slice(len(found), len(found) + len(scratch))
            found += self._exchange(scratch, each[here], elements[here])
        vector = self._columns.vector
        return [joined(found[at : at + vector]) for at in range(0, len(found), vector)]

    def _exchange(
        self, scratch: Sequence[SSAValue], combinations: Sequence[Combination], totals: Sequence[Scalar]
    ) -> list[Scalar]:
        """Every thread goes through the totals of all warps in order."""
        build, columns = self._builder, self._columns
        warps = build.threads // WARP
        if columns.count == WARP:
            self._store(scratch, totals, columns.thread)
        else:
            warp = build.quotient(columns.thread, WARP, "warp")
            place = build.sum_of([(warp, columns.count), (columns.lane, 1)], 0, "place")
            warp_lane = build.remainder(columns.thread, WARP, "warp_lane")
            leads = result_of(CmpiOp(warp_lane, build.index(columns.count), "ult"), "leads_warp")
            build.when(leads, lambda: self._store(scratch, totals, place))
        insert(BarrierOp())

        def add(start: SSAValue, sums: Sequence[Scalar]) -> list[Scalar]:
            at = build.sum_of([(start, 1), (columns.lane, 1)], 0)
            partial = [Scalar(result_of(memref.LoadOp.get(cells, [at]), "partial")) for cells in scratch]
            return [c.combine(s, p) for c, s, p in zip(combinations, sums, partial, strict=True)]

        bounds = build.index(0), build.index(warps * columns.count), build.index(columns.count)
        return build.carrying(bounds, "start", neutral(build, "total", combinations), add)

    def _store(self, scratch: Sequence[SSAValue], totals: Sequence[Scalar], place: SSAValue) -> None:
        for cells, total in zip(scratch, totals, strict=True):
            insert(memref.StoreOp.get(total.value, cells, [place]))
