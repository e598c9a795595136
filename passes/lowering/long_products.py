"""Products of many terms and few results: those whose terms CPUs add up in parts, each with totals of its own.

The gradient of weights that many rows share is such a product, with a transposed first factor: of a convolution of one
place, say, whose windows are all pixels of all images. Blocks of its result would read both factors again and again.
"""

from __future__ import annotations

from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT

BLOCK_BYTES = 2**18
"""The bytes that a block of terms reads of the second factor: they stay in a core's second-level cache."""
TOTAL_BYTES = 2**23
"""The most bytes of totals that each block of terms goes through, where windows are read."""
MATRIX_TOTAL_BYTES = 2**20
"""The same for a product of matrices, which could be computed by blocks of its result."""
FEWEST_ROWS, FEWEST_COLUMNS = 8, 16
"""Matrices that are smaller are sums along lines, or have rows as lanes."""
MANY_TIMES = 8
"""How many times more terms than rows a product of matrices has at least: the rest is as fast by blocks."""
SIZE_OF_TOTAL = 8


def has_parts(rows: int, columns: int, terms: int, size: int, matrices: int = 1) -> bool:
    """Tells whether a product that reads windows is added up in parts; its elements have `size` bytes."""
    second = matrices * terms * columns * size
    results = matrices * rows * columns
    return terms > rows and second > BLOCK_BYTES and SIZE_OF_TOTAL * results <= TOTAL_BYTES


def matrix_has_parts(rows: int, columns: int, terms: int, size: int) -> bool:
    """The same for a product of two matrices that both have their terms as rows in memory."""
    if rows < FEWEST_ROWS or columns < FEWEST_COLUMNS or terms < max(2 * LONG_PRODUCT, MANY_TIMES * rows):
        return False
    few = SIZE_OF_TOTAL * rows * columns <= MATRIX_TOTAL_BYTES
    return few and has_parts(rows, columns, terms, size)
