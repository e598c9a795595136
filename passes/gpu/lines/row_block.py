"""A block of threads on rows: the coordinates of its threads, and which rows and points these are for."""

from __future__ import annotations

from xdsl.ir import SSAValue

from pullback.dialects.upstream.gpu import BlockIdOp, ThreadIdOp
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder
from pullback.passes.gpu.lines.line import Share, chosen, lesser
from pullback.passes.gpu.lines.row_line import Kept, KeptRow, RowLanes, RowLine
from pullback.passes.gpu.lines.row_mapping import RowMapping
from pullback.passes.gpu.lines.shared_cells import SharedCells
from pullback.passes.gpu.point import Dims, Segment
from pullback.passes.lowering.code_builder import named, result_of


class RowBlock:
    """The coordinates of a thread, and the rows of its block."""

    def __init__(
        self, builder: KernelBuilder, mapping: RowMapping, cells: SharedCells, rows: Dims, reduced: Dims
    ) -> None:
        self.builder, self.mapping, self.cells = builder, mapping, cells
        self.rows, self.reduced = rows, reduced
        self.block, self.thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        warp = builder.quotient(self.thread, WARP, "warp")
        warp_lane = builder.remainder(self.thread, WARP, "warp_lane")
        if mapping.rows == 1:
            self.group, lane = builder.index(0), self.thread
        else:
            self.group = builder.quotient(self.thread, mapping.lanes, "group")
            lane = builder.remainder(self.thread, mapping.lanes, "lane")
        self.lanes = RowLanes(mapping.lanes, lane, warp, warp_lane)
        self.part: SSAValue | None = None
        if mapping.split > 1:
            self.part = builder.remainder(self.block, mapping.split, "part")
            self.block = builder.quotient(self.block, mapping.split, "row")
        self.first = builder.product(lane, mapping.vector, "first")
        self.share = self._share()
        self.kept = self._kept() if mapping.keeps else []

    def _share(self) -> Share:
        build, mapping, size = self.builder, self.mapping, self.reduced.size
        distance = mapping.lanes * mapping.vector
        end, most = build.index(size), -(-size // distance)
        if self.part is None:
            return Share(self.first, end, distance, most, mapping.vector)
        most = -(-most // mapping.split)
        length = most * distance
        begin = build.product(self.part, length, "begin")
        end = lesser(build.sum_of([(begin, 1)], length, "end"), end)
        first = build.sum_of([(begin, 1), (self.first, 1)], 0, "first")
        return Share(first, end, distance, most, mapping.vector)

    def _kept(self) -> list[Kept]:
        """The points of a lane: those beyond the end of the row are its first one."""
        build, size, step = self.builder, self.reduced.size, self.share.distance
        found: list[Kept] = []
        for start in range(0, size, step):
            number, inside = build.sum_of([(self.first, 1)], start, "k"), None
            if start + step > size:
                number, inside = chosen(build, number, size)
            found.append(Kept(number, inside))
        return found

    def line(self, step: SSAValue | None) -> RowLine:
        """The row of this thread in a step."""
        build, mapping = self.builder, self.mapping
        terms = [(self.block, mapping.rows_of_block(self.rows.size)), (self.group, 1)]
        if step is not None:
            terms.append((step, mapping.rows))
        row, exists = build.sum_of(terms, 0, "row"), None
        if self.rows.size % mapping.rows_of_block(self.rows.size):
            row, exists = chosen(build, row, self.rows.size)
        kind = KeptRow if mapping.keeps else RowLine
        segment = Segment(self.rows, named(row, "row"))
        line = kind(build, segment, self.reduced, self.share, self.lanes, self.cells, exists, self.part)
        if isinstance(line, KeptRow):
            line.take(self.kept)
        return line
