"""Blocks of the result of a product that are kept in registers, where rows are few: windows along a row of an image."""

from __future__ import annotations

from dataclasses import dataclass

MOST_ROWS = 14
LATENCY, FETCH = 4, 2.5
"""Cycles until a sum can be added to again, and those that a vector of the second factor takes, which comes from the
second-level cache. Each cycle two elements of the first factor can be loaded, and two vectors multiplied and added.
"""


@dataclass(frozen=True)
class RegisterBlocks:
    """Rows in blocks of so many, the last of which may be smaller; each block has the same number of vectors."""

    extent: int
    rows: int
    vectors: int

    @staticmethod
    def of(extent: int, rows: int, vectors: int) -> RegisterBlocks:
        """The blocks that take the least time for rows of this extent, each at most as large as one of these rows."""
        most = max(min(rows, extent), 1)
        sizes = [RegisterBlocks(extent, size, vectors) for size in range(most, 0, -1)]
        least = min(blocks.cycles for blocks in sizes)
        near = [blocks for blocks in sizes if blocks.cycles <= 1.05 * least]
        return next((blocks for blocks in near if not blocks.rest), near[0])

    @property
    def full(self) -> int:
        """The rows in blocks of full size."""
        return self.extent // self.rows * self.rows

    @property
    def rest(self) -> int:
        """The rows of the last block, where it is smaller."""
        return self.extent - self.full

    @property
    def cycles(self) -> float:
        """The cycles that a term takes, in all blocks."""
        blocks = self.extent // self.rows
        return blocks * self._cycles(self.rows) + (self._cycles(self.rest) if self.rest else 0)

    def _cycles(self, rows: int) -> float:
        return max(rows * self.vectors / 2, rows / 2, self.vectors * FETCH, LATENCY)
