"""How a large product is divided: blocks of its result, and of its terms, by what is moved for them.

For each block of terms, and each block of the result, columns of B are copied to the second cache, and all rows meet
them there:

    for each block of the result (`down` by `across` of them):
      for each block of terms (`terms` of them):
        copy columns of B; for each panel of rows, for each panel of columns: add to the sums so far

So B is copied `down` times, A is read `across` times, and sums are resumed `terms` times. Many terms at once leave room
for few columns, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LINE_BYTES = 4096
"""The most bytes of a line of terms that are summed up in one go where blocks of terms are resumed."""
RESUMED_BYTES = 512 << 10
"""The most memory for the columns of B where blocks of terms are resumed."""
FEWEST_LARGE_BLOCKS = 8
"""Blocks that such a result should have whatever that costs, for each twice `MANY_ROWS`: 4 of 512 cubed would take 0.98
of the time on one thread, and leave all but four without work."""
MOST_ROW_BLOCKS = 2
"""For how many times as many rows there should be more blocks."""
COPIED_AGAIN = 4
"""How much longer it takes to copy columns of B once more than to read as many rows of A, some of it ahead."""
RESUMED_AGAIN = 2.5
"""How much longer it takes to add to the sums so far than to read as many rows of A."""
FEW_BLOCKS = 1.5
"""How much more may be copied and read for the sake of enough blocks."""
MANY_ROWS = 400
"""Rows of a block from which copying the columns of B once more takes less than 7 % of its time."""


@dataclass(frozen=True)
class LargeBlocks:
    """So many blocks of rows, of columns, and of terms."""

    down: int
    across: int
    terms: int


@dataclass(frozen=True)
class LargeProduct:
    """A product, and its block in registers.

    Args:
        panels: of rows, and of columns.
        panel: the rows, and the columns, of one of them.
        terms: of a sum.
        element: the bytes of an element.
        matrices: of a batch.
    """

    panels: tuple[int, int]
    panel: tuple[int, int]
    terms: int
    element: int
    matrices: int = 1

    def blocks(self, longest: int) -> LargeBlocks:
        """The division that moves the least, of those that sum up at most `longest` terms at once."""
        return min(self._divisions(longest), key=self._moved)

    @property
    def _size(self) -> tuple[int, int]:
        """Rows and columns."""
        (rows, columns), (height, width) = self.panels, self.panel
        return rows * height, columns * width

    @property
    def _enough(self) -> int:
        """Blocks of the result that threads share well."""
        return FEWEST_LARGE_BLOCKS * min(max(self._size[0] // (2 * MANY_ROWS), 1), MOST_ROW_BLOCKS)

    def _divisions(self, longest: int) -> Iterator[LargeBlocks]:
        """What can be copied at once, in blocks of the result that are enough, or have few rows."""
        rows, columns = self.panels

        def down(blocks: int, across: int) -> int:
            return min(-(-blocks // (self.matrices * across)), rows)

        fewest = -(-self.terms // min(longest, LINE_BYTES // self.element))
        for times in range(fewest, 4 * fewest + 1):
            panel_bytes = -(-self.terms // times) * self.element * self.panel[1]
            least = -(-columns // max(RESUMED_BYTES // panel_bytes, 1))
            for wanted in range(least, min(max(least, self._enough), columns) + 1):
                across = -(-columns // -(-columns // wanted))
                many = max(self._size[0] // MANY_ROWS, down(FEWEST_LARGE_BLOCKS, across))
                yield LargeBlocks(min(down(self._enough, across), many), across, times)

    def _moved(self, blocks: LargeBlocks) -> float:
        """What is copied, read and resumed, in elements that are read."""
        rows, columns = self._size
        copied = COPIED_AGAIN * blocks.down * columns * self.terms
        resumed = RESUMED_AGAIN * blocks.terms * rows * columns
        moved = copied + blocks.across * rows * self.terms + resumed
        is_enough = self.matrices * blocks.down * blocks.across >= self._enough
        return moved if is_enough else moved * FEW_BLOCKS
