"""A block of threads on columns: which columns these are, and what the block leaves of totals over them.

What columns add to a total, one for all or one for each row, is added up in each warp by shuffles, so that a block
leaves one term.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BlockIdOp, ThreadIdOp
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder
from pullback.passes.gpu.lines.column_line import ColumnLanes, ColumnLine
from pullback.passes.gpu.lines.column_mapping import ColumnMapping
from pullback.passes.gpu.lines.combination import powers_between
from pullback.passes.gpu.lines.lane_values import wide_values
from pullback.passes.gpu.lines.line import Share, both, chosen, lesser
from pullback.passes.gpu.lines.line_work import Partial, Work
from pullback.passes.gpu.lines.shared_cells import SharedCells
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import named, result_of


class ColumnBlock:
    """The coordinates of a thread, and its column."""

    def __init__(
        self, builder: KernelBuilder, mapping: ColumnMapping, cells: SharedCells, columns: Dims, reduced: Dims
    ) -> None:
        self.builder, self.mapping, self.cells = builder, mapping, cells
        self.columns, self.reduced = columns, reduced
        self.block, thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        self.part: SSAValue | None = None
        self.blocks = mapping.blocks(columns.size)
        if mapping.split > 1:
            self.part = builder.quotient(self.block, self.blocks, "part")
            self.block = builder.remainder(self.block, self.blocks, "block")
        group = builder.quotient(thread, mapping.lanes, "warp" if mapping.lanes == WARP else "group")
        lane = builder.remainder(thread, mapping.lanes, "lane")
        groups = mapping.threads // mapping.lanes
        self.threads = ColumnLanes(mapping.lanes, lane, group, groups, thread, mapping.vector)

    def _share(self) -> Share:
        build, threads, size = self.builder, self.threads, self.reduced.size
        length = -(-size // self.mapping.split)
        end, most = build.index(size), -(-length // threads.groups)
        if self.part is None:
            return Share(threads.group, end, threads.groups, most)
        begin = build.product(self.part, length, "begin")
        end = lesser(build.sum_of([(begin, 1)], length, "end"), end)
        return Share(build.sum_of([(begin, 1), (threads.group, 1)], 0, "first"), end, threads.groups, most)

    def line(self) -> ColumnLine:
        """The column of this thread."""
        build, size = self.builder, self.columns.size
        vector, of_block = self.mapping.vector, self.mapping.columns_of_block
        column, exists = build.sum_of([(self.block, of_block), (self.threads.lane, vector)], 0), None
        if size % of_block:
            column, exists = chosen(build, column, size)
        segment = Segment(self.columns, named(column, "column"))
        share = self._share()
        return ColumnLine(build, segment, self.reduced, share, self.threads, self.cells, exists, self.part)

    def run(self, work: Work) -> None:
        """Does the work of each column, and leaves what the block adds to totals."""
        line = self.line()
        work.body(line)
        if work.across:
            nodes = [p.term for p in work.across]
            line.point.prepare(nodes, self.reduced.numbers)
            line.each_in_step(lambda point: self._leave(line, point, work.across, along=True))
        if work.single:
            self._leave(line, line.point, work.single)

    def _leave(
        self, line: ColumnLine, point: Point, partials: Sequence[Partial], *, along: bool = False
    ) -> None:
        """Stores what the columns of this block add to totals, of all points or of one point along the column."""
        build, distances = self.builder, powers_between(1, self.mapping.lanes)
        terms = wide_values(point, [p.term for p in partials])
        of_block: list[Scalar] = []
        for partial, term in zip(partials, terms, strict=True):
            c = partial.combination
            mine = c.of_elements(c.where(build, line.exists, term))
            of_block.append(c.across_lanes(build, mine, distances))
        first = self.threads.lane if along else self.threads.thread
        leads = result_of(CmpiOp(first, build.index(0), "eq"), "leads")
        if self.part is not None and not along:
            leads = both(leads, result_of(CmpiOp(self.part, build.index(0), "eq"), "is_first_part"))
        assert leads is not None

        def store() -> None:
            inside = point.inside()
            for partial, total in zip(partials, of_block, strict=True):
                view = inside.inputs[partial.buffer]
                offset = self.reduced.counted * self.blocks if along else self.reduced.counted * 0
                inside.store(view, offset, total, [(self.block, 1)])

        build.when(leads, store)
