"""Rows: neighbouring threads on neighbouring elements of a row, up to a block for each, or several rows in a block.

lanes = 8, rows = 32      256 threads, four rows in each warp, which exchange totals by shuffles alone
lanes = 256, rows = 1     a block for each row: shuffles in its eight warps, then shared memory
chunk = 128               each block goes through 128 rows, and leaves one partial line of the totals across them
split = 122               as many blocks for each row; partial results, stage by stage, in memory
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import Attribute

from pullback.passes.gpu.gpu_limits import BUSY_BLOCKS
from pullback.passes.gpu.kernel_builder import WARP
from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.lines.line_mapping import (
    USUAL_THREADS,
    Gathering,
    LineMapping,
    parts_of,
    power_from,
    power_to,
)
from pullback.passes.lowering.long_sums import BLOCK

THREADS = 256
"""The threads of blocks of several rows."""
STEPS = 4
"""How many elements of a row, one after the other, a thread should have before more threads share the row."""
STEPS_OF_VECTORS = 2
"""How many vectors, instead."""


@dataclass(frozen=True)
class RowMapping(LineMapping):
    """Rows in threads; the numbers are those of the schedule."""

    lanes: int
    rows: int = 1
    chunk: int = 1
    split: int = 1
    keeps: bool = False
    """Whether the elements of a row stay in registers."""
    vector: int = 1
    """How many neighbouring elements a thread loads and stores at once."""

    @staticmethod
    def default(lines: int, points: int) -> RowMapping:
        """The mapping of so many rows of so many points, each read once, and no totals over them."""
        lanes = row_lanes(lines, points)
        return RowMapping(lanes, rows_of_block(lines, lanes))

    @property
    def threads(self) -> int:
        return self.lanes * self.rows

    @property
    def cells(self) -> int:
        return self.threads // WARP if self.lanes > WARP else 0

    def steps(self, lines: int) -> int:
        """How many rows a block goes through, one after the other: of a chunk that is longer, those that there are."""
        return max(min(self.chunk, -(-lines // self.rows)), 1)

    def rows_of_block(self, lines: int) -> int:
        """The rows that a block works on, side by side and one after the other."""
        return self.rows * self.steps(lines)

    @property
    def unit(self) -> int:
        """The threads that leave one term of a total together: those of a row, or the warp where it has several."""
        return max(self.lanes, WARP)

    @property
    def units(self) -> int:
        """How many of them a block has."""
        return self.threads // self.unit

    @property
    def is_long(self) -> bool:
        """Whether totals of the rows of a block need higher precision."""
        return self.chunk > BLOCK

    def blocks(self, lines: int) -> int:
        return -(-lines // self.rows_of_block(lines))

    def single_partials(self, lines: int) -> int:
        return self.blocks(lines) * self.units

    def gathering(self, lines: int, points: int) -> Gathering:
        if self.keeps:
            count = self.blocks(lines) * self.units
        elif self.chunk == 1:
            count = lines
        else:
            count = self.blocks(lines) * self.rows
        return Gathering(count, points, 1)

    def partial_type(self, combination: Combination) -> Attribute:
        gathered_in_memory = self.is_long and not self.keeps
        return (combination.total_type if gathered_in_memory else None) or combination.element_type


def row_lanes(lines: int, points: int, vector: int = 1) -> int:
    """The threads for a row of so many points: a few points each, from more than a warp on."""
    vectors = -(-points // vector)
    lanes = WARP if lines == 1 else min(power_from(vectors), WARP)
    return max(
        lanes, min(power_from(-(-vectors // (STEPS if vector == 1 else STEPS_OF_VECTORS))), USUAL_THREADS)
    )


def rows_of_block(lines: int, lanes: int) -> int:
    """The rows of a block: as many as fill it, but so that there are blocks enough."""
    most = max(THREADS // lanes, 1)
    return max(WARP // lanes, min(most, power_to(lines // BUSY_BLOCKS)), 1)


def row_split(lines: int, points: int, blocks: int) -> int:
    """In how many parts each row is split: those of few, long rows are."""
    return parts_of(lines, points, max(lines, 1)) if blocks < BUSY_BLOCKS else 1
