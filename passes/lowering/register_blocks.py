"""Blocks of the result of a product that are kept in registers, where rows are few: windows along a row of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pullback.passes.lowering.vector_registers import FMAS_PER_CYCLE, evenly, register_count

MOST_ROWS = 28
"""The most rows of a block, of one vector each: so many sums leave registers for what they are made of."""
FEW_ROWS = 4
"""Blocks of fewer rows than that read the second factor too often."""
WIDEST = 4
"""Vectors in a row of a block."""
LATENCY, FETCH = 4, 2.5
"""Cycles until a sum can be added to again, and those that a vector of the second factor takes, which comes from the
second-level cache. Each cycle two elements of the first factor can be loaded, and `fmas` vectors multiplied and added.
"""
NEW_TERM = 3
"""The `delay` where each term is in other lines of the cache than the one before, in both factors."""


@dataclass(frozen=True)
class RegisterBlocks:
    """Rows in blocks of so many, the last of which may be smaller; each block has the same number of vectors."""

    extent: int
    rows: int
    vectors: int
    delay: float = 0
    """Cycles by which a term of a block takes longer, whatever its size: until all that it reads is there."""
    fmas: int = FMAS_PER_CYCLE
    """FMAs that begin in a cycle."""

    @staticmethod
    def of(
        extent: int, rows: int, vectors: int, delay: float = 0, fmas: int = FMAS_PER_CYCLE
    ) -> RegisterBlocks:
        """The blocks that take the least time for rows of this extent, each at most as large as one of these rows."""
        most = max(min(rows, extent), 1)
        sizes = [RegisterBlocks(extent, size, vectors, delay, fmas) for size in range(most, 0, -1)]
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
        own = max(rows * self.vectors / self.fmas, (rows + self.vectors) / 2, self.vectors * FETCH, LATENCY)
        return own + self.delay


def row_dim(extents: Sequence[int]) -> int:
    """The dim of rows along which blocks lie: the last one that is long enough, or the longest."""
    long = [at for at, extent in enumerate(extents) if extent >= FEW_ROWS]
    return long[-1] if long else max(range(len(extents)), key=lambda at: extents[at])


def window_tile(
    rows: Sequence[int], columns: int, lanes: int, vector_bits: int, fmas: int = FMAS_PER_CYCLE
) -> tuple[int, int]:
    """Chooses the most rows and the vectors of the register block of a product with several dims of rows or of terms.

    `RegisterBlocks.of` divides the rows that there are, once those dims are merged that can be.
    """
    registers = register_count(vector_bits)
    extent, needed = rows[row_dim(rows)], max(-(-columns // lanes), 1)
    most = {
        width: min((registers - 1) // width - 1, MOST_ROWS)
        for width in sorted({evenly(needed, width) for width in range(1, WIDEST + 1)})
    }
    tiles = [RegisterBlocks.of(extent, rows, width, fmas=fmas) for width, rows in most.items()]
    best = min(tiles, key=lambda tile: (-(-needed // tile.vectors) * tile.cycles, -tile.vectors))
    return most[best.vectors], best.vectors
