"""The work of a block on rows: what is done with each, and what the block leaves of totals over them.

Of the total and of the sums across 1000 rows, in blocks that go through 8 rows one after the other, come

    %single, %across = scf.for %step = %c0 to %c8 step %c1 iter_args(…neutral elements…) {
      …row %block * 8 + %step: its reductions, what is stored…
      …what the row adds to the carried totals…
    }
    memref.store %single, %partial[%block]
    memref.store %across, %partial_1[%block * 300 + %lane]
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.gpu.kernel_builder import WARP
from pullback.passes.gpu.lines.combination import Combination, powers_between
from pullback.passes.gpu.lines.lane_values import wide_values
from pullback.passes.gpu.lines.line import both, neutral
from pullback.passes.gpu.lines.line_work import Partial, Work
from pullback.passes.gpu.lines.row_block import RowBlock
from pullback.passes.gpu.lines.row_line import Kept, KeptRow, RowLine
from pullback.passes.gpu.point import Point, Segment
from pullback.passes.lowering.code_builder import result_of


class RowWork(RowBlock):
    """The work of a block."""

    def run(self, work: Work) -> None:
        """Does the work of each row, and leaves what the block adds to totals."""
        mapping, kept = self.mapping, [p for p in work.across for _ in self.kept]
        totals = [p.combination for p in (*work.single, *kept)]
        if mapping.chunk == 1:
            self._leave(work, self._row(work, None, totals))
            return
        if not mapping.keeps:
            self._clear(work.across)
        carried = [(c.total_type if mapping.is_long else None) or c.element_type for c in totals]

        def step(number: SSAValue, before: Sequence[Scalar]) -> Sequence[Scalar]:
            terms = zip(totals, before, self._row(work, number, totals), strict=True)
            made = [c.combine(total, term.cast(total.element_type)) for c, total, term in terms]
            self.cells.end_iteration()
            return made

        build = self.builder
        bounds = build.index(0), build.index(mapping.steps(self.rows.size)), build.index(1)
        singles = len(work.single)
        inits = neutral(build, "total", totals[:singles], carried[:singles])
        inits += neutral(build, "total", totals[singles:], carried[singles:], mapping.vector)
        made = build.carrying(bounds, "step", inits, step)
        self._leave(work, [total.cast(c.element_type) for c, total in zip(totals, made, strict=True)])

    def _row(self, work: Work, step: SSAValue | None, totals: Sequence[Combination]) -> list[Scalar]:
        """Does the work of one row; gives what it adds to the totals that are in registers."""
        line = self.line(step)
        work.body(line)
        terms = line.point.values([p.term for p in work.single])
        if isinstance(line, KeptRow):
            nodes = [p.term for p in work.across]
            rows = line.terms([p.combination for p in work.across], lambda point: wide_values(point, nodes))
            terms += [row[number] for number in range(len(nodes)) for row in rows]
        elif work.across:
            line.each(lambda point: self._add(point, line, step, work.across))
        return [c.where(self.builder, line.exists, term) for c, term in zip(totals, terms, strict=True)]

    def _leave(self, work: Work, totals: Sequence[Scalar]) -> None:
        """Stores what this block adds to totals: one term of each, and one partial line, of a row or a warp."""
        if not totals:
            return
        build, mapping = self.builder, self.mapping
        singles, points = list(totals[: len(work.single)]), list(totals[len(work.single) :])
        distances = powers_between(mapping.lanes, WARP)
        unit = build.quotient(self.thread, mapping.unit, "unit") if mapping.units > 1 else build.index(0)
        place = build.sum_of([(self.block, mapping.units), (unit, 1)], 0, "place")
        point = Point(build, [])
        sums = [
            p.combination.across_lanes(build, t, distances) for p, t in zip(work.single, singles, strict=True)
        ]

        def store() -> None:
            for partial, total in zip(work.single, sums, strict=True):
                point.inputs[partial.buffer].store(build, total, [(place, 1)], 0)

        if sums:
            within = self.thread
            if mapping.units > 1:
                within = build.remainder(self.thread, mapping.unit, "of_unit")
            first = result_of(CmpiOp(within, build.index(0), "eq"), "leads")
            of_part = None
            if self.part is not None:
                of_part = result_of(CmpiOp(self.part, build.index(0), "eq"), "is_first_part")
            leads = both(first, of_part)
            assert leads is not None
            build.when(leads, store)
        for partial in work.across if self.kept else ():
            lines = [partial.combination.across_lanes(build, t, distances) for t in points[: len(self.kept)]]
            del points[: len(self.kept)]
            self._leave_line(partial, place, lines)

    def _leave_line(self, partial: Partial, place: SSAValue, totals: Sequence[Scalar]) -> None:
        """Stores a partial line: each lane its points."""
        build, mapping = self.builder, self.mapping
        mine = None
        if mapping.lanes < WARP:
            mine = result_of(CmpiOp(self.lanes.warp_lane, build.index(mapping.lanes), "ult"), "is_first_row")
        for kept, total in zip(self.kept, totals, strict=True):
            condition = both(mine, kept.inside)

            def store(kept: Kept = kept, total: Scalar = total) -> None:
                point = Point(build, [Segment(self.reduced, kept.number)], lanes=mapping.vector)
                at = [(place, self.reduced.size)]
                point.store(point.inputs[partial.buffer], self.reduced.counted, total, at)

            if condition is None:
                store()
            else:
                build.when(condition, store)

    # ---- partial lines in memory ------------------------------------------------------------------------

    def _place_of_line(self, line: RowLine | None) -> SSAValue:
        """The partial line that this thread adds to: that of its row, or of all rows that it goes through."""
        if line is not None and self.mapping.chunk == 1:
            return line.number
        return self.builder.sum_of([(self.block, self.mapping.rows), (self.group, 1)], 0, "place")

    def _clear(self, across: Sequence[Partial]) -> None:
        """Sets the partial lines to neutral elements; every thread its points."""
        build, lanes = self.builder, self.mapping.vector
        if not across:
            return
        at = [(self._place_of_line(None), self.reduced.size)]

        def visit(k: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            point = Point(build, [Segment(self.reduced, k)], lanes=lanes)
            for partial in across:
                view, c = point.inputs[partial.buffer], partial.combination
                ((_name, number),) = neutral(build, "neutral", [c], [self.mapping.partial_type(c)], lanes)
                point.store(view, self.reduced.counted, number, at)
            return []

        share = self.share
        build.loop_between((share.first, share.end, build.index(share.distance)), "k", [], visit)

    def _add(self, point: Point, line: RowLine, step: SSAValue | None, across: Sequence[Partial]) -> None:
        """Adds the terms of a point to the partial lines, or leaves them there if there is one row only."""
        place = self._place_of_line(line)
        terms = wide_values(point, [p.term for p in across])
        along, at = self.reduced.counted, [(place, self.reduced.size)]
        for partial, term in zip(across, terms, strict=True):
            view, c = point.inputs[partial.buffer], partial.combination
            if step is not None:
                term = c.combine(point.load(view, along, at), term.cast(view.element_type))
            point.store(view, along, term, at)
