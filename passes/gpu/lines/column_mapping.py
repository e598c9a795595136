"""Columns: neighbouring lanes on neighbouring columns, and the rows of a block taking turns along them.

    threads = 512     sixteen warps, each of which takes every sixteenth row of the block's 32 columns
    split = 8         as many blocks for the same columns, each for a part of their rows; a second kernel adds these up

Where there are fewer columns than lanes, the other lanes take other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from pullback.passes.gpu.gpu_limits import BUSY_BLOCKS
from pullback.passes.gpu.kernel_builder import WARP
from pullback.passes.gpu.lines.line_mapping import (
    USUAL_THREADS,
    Gathering,
    LineMapping,
    parts_of,
    power_from,
)

STEPS = 4
"""How many elements of a column, one after the other, a thread should have before more threads share the column."""

WIDE = 256
"""The threads of a block that are side by side in a row where each has a column of its own."""


@dataclass(frozen=True)
class ColumnMapping(LineMapping):
    """Columns in threads; `threads` and `split` are those of the schedule."""

    lanes: int
    """How many threads are side by side in a row: those of a warp, or fewer, or all of a block."""
    of_block: int
    split: int = 1
    vector: int = 1
    """How many neighbouring columns a thread has."""

    @staticmethod
    def default(columns: int, points: int) -> ColumnMapping:
        """The mapping of so many columns of so many points, and no totals across them."""
        if points <= STEPS and columns >= WIDE * BUSY_BLOCKS:
            return ColumnMapping(WIDE, WIDE)
        lanes = column_lanes(columns)
        return ColumnMapping(lanes, column_threads(points, lanes))

    @property
    def threads(self) -> int:
        return self.of_block

    @property
    def columns_of_block(self) -> int:
        """The neighbouring columns of a block."""
        return self.lanes * self.vector

    @property
    def cells(self) -> int:
        return self.threads // WARP * self.lanes if self.threads > max(WARP, self.lanes) else 0

    def blocks(self, lines: int) -> int:
        return -(-lines // self.columns_of_block)

    def single_partials(self, lines: int) -> int:
        return self.blocks(lines)

    def gathering(self, lines: int, points: int) -> Gathering:
        return Gathering(self.blocks(lines), 1, self.blocks(lines))


def column_lanes(columns: int, vector: int = 1, *, full_warps: bool = False) -> int:
    """The threads side by side in a row, each with so many columns; `full_warps` keeps the lanes of a warp in one."""
    return WARP if full_warps else min(power_from(-(-columns // vector)), WARP)


def column_threads(points: int, lanes: int) -> int:
    """The threads for columns of so many points: a few points of each column for every thread."""
    return max(WARP, min(power_from(-(-points // STEPS)) * lanes, USUAL_THREADS))


def column_split(columns: int, points: int, blocks: int) -> int:
    """In how many parts columns are split."""
    return parts_of(columns, points, max(blocks, 1))
