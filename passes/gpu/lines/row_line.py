"""A row in the threads that share it, and its points where these stay in registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects import memref
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BarrierOp
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder
from pullback.passes.gpu.lines.combination import Combination, powers_between
from pullback.passes.gpu.lines.line import Line, Share
from pullback.passes.gpu.lines.shared_cells import SharedCells
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import result_of


@dataclass(frozen=True)
class RowLanes:
    """The threads of one row: how many, the number of this one, and its warp of the block and its lane there."""

    count: int
    lane: SSAValue
    warp: SSAValue
    warp_lane: SSAValue


class RowLine(Line):
    """One row of the space, in its lanes."""

    def __init__(
        self,
        builder: KernelBuilder,
        row: Segment,
        reduced: Dims,
        share: Share,
        lanes: RowLanes,
        cells: SharedCells,
        exists: SSAValue | None = None,
        part: SSAValue | None = None,
    ) -> None:
        super().__init__(builder, row, reduced, share, exists, part)
        self._lanes, self._cells = lanes, cells

    def _is_first(self) -> SSAValue | None:
        if self._lanes.count == 1:
            return None
        return result_of(CmpiOp(self._lanes.lane, self._builder.index(0), "eq"), "is_first")

    def _side_by_side(self) -> tuple[SSAValue, int]:
        return self._lanes.lane, self._lanes.count

    def _of_thread(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        return [c.of_elements(total) for c, total in zip(combinations, totals, strict=True)]

    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The lanes of a warp by shuffles, then the warps through shared memory."""
        distances = powers_between(1, min(self._lanes.count, WARP))
        pairs = zip(combinations, totals, strict=True)
        totals = [c.across_lanes(self._builder, total, distances) for c, total in pairs]
        warps = self._lanes.count // WARP
        return self._across_warps(combinations, totals, warps) if warps > 1 else totals

    def _across_warps(
        self, combinations: Sequence[Combination], totals: Sequence[Scalar], warps: int
    ) -> list[Scalar]:
        """Every lane learns the totals of the warps, as many at a time as shared memory has room for."""
        found: list[Scalar] = []
        for scratch in self._cells.exchanges([c.element_type for c in combinations]):
            here = slice(len(found), len(found) + len(scratch))
            found += self._exchange(scratch, combinations[here], totals[here], warps)
        return found

    def _exchange(
        self,
        scratch: Sequence[SSAValue],
        combinations: Sequence[Combination],
        totals: Sequence[Scalar],
        warps: int,
    ) -> list[Scalar]:
        build, lanes = self._builder, self._lanes

        def store() -> None:
            for cells, total in zip(scratch, totals, strict=True):
                insert(memref.StoreOp.get(total.value, cells, [lanes.warp]))

        build.when(result_of(CmpiOp(lanes.warp_lane, build.index(0), "eq"), "leads_warp"), store)
        insert(BarrierOp())
        of_warp = build.remainder(lanes.warp_lane, warps, "of_warp")
        if build.threads > lanes.count:  # the warps of the rows before come first
            before = build.product(build.quotient(lanes.warp, warps, "group"), warps, "before")
            of_warp = build.sum_of([(before, 1), (of_warp, 1)], 0, "of_warp")
        partial = [Scalar(result_of(memref.LoadOp.get(cells, [of_warp]), "partial")) for cells in scratch]
        distances = powers_between(1, warps)
        pairs = zip(combinations, partial, strict=True)
        return [c.across_lanes(build, value, distances) for c, value in pairs]


@dataclass(frozen=True)
class Kept:
    """A point of a row that stays in registers, or several side by side: its number along the row, and whether the row
    reaches so far."""

    number: SSAValue
    inside: SSAValue | None


class KeptRow(RowLine):
    """A row of which each lane has a fixed number of points: what is known of them stays in registers.

    Points beyond the end of the row are another point of it, which adds nothing and is not stored.
    """

    points: Sequence[tuple[Point, Kept]] = ()

    def take(self, kept: Sequence[Kept]) -> None:
        """States the points of this lane."""
        self.points = [(self._point(Segment(self._reduced, k.number), self._share.lanes), k) for k in kept]

    def each(self, body: Callable[[Point], None]) -> None:
        for point, kept in self._refreshed():
            self._where_it_is(point, body, kept.inside)

    def terms(
        self, combinations: Sequence[Combination], body: Callable[[Point], Sequence[Scalar]]
    ) -> list[list[Scalar]]:
        """What `body` gives at each point, neutral elements beyond the end."""
        return [
            [
                c.where(self._builder, kept.inside, term)
                for c, term in zip(combinations, body(point), strict=True)
            ]
            for point, kept in self._refreshed()
        ]

    def _totals(
        self, combinations: Sequence[Combination], body: Callable[[Point], Sequence[Scalar]]
    ) -> list[Scalar]:
        rows = self.terms(combinations, body)
        if not rows:
            return [self._builder.number(c.neutral, c.element_type) for c in combinations]
        totals, *others = rows
        for terms in others:
            triples = zip(combinations, totals, terms, strict=True)
            totals = [c.combine(total, term) for c, total, term in triples]
        return self._of_thread(combinations, totals)

    def _refreshed(self) -> Sequence[tuple[Point, Kept]]:
        """The points, with what became known of the row in the meantime."""
        for point, _ in self.points:
            point.known |= self.point.known
        return self.points
