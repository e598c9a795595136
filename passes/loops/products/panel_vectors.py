"""The vectors of a panel of columns: each as wide as several registers, which LLVM makes of it.

A panel of two registers of 16 floats is one vector<32xf32> at level `loops`, so that a row's sums are one operation:

    %sum_1 = vector.fma %element, %columns, %sum : vector<32xf32>

LLVM divides vectors of a power of two of lanes into registers. So three registers are a vector of two and one of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache


@cache
def panel_vectors(registers: int, lanes: int) -> Sequence[tuple[int, int]]:
    """Where the vectors of a panel of so many registers begin, and how many lanes they have."""
    vectors: list[tuple[int, int]] = []
    start = 0
    while registers:
        widest = 1 << registers.bit_length() - 1
        vectors.append((start, widest * lanes))
        start += widest * lanes
        registers -= widest
    return vectors
