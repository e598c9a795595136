"""Arena allocation: offsets in one block of memory for all values that are needed only for a while (best fit)."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from pullback.passes.kernels.memory.lifetimes import Storage

ALIGNMENT = 64
"""Of every offset, in bytes: a cache line, and the widest vector."""


def aligned(size: int) -> int:
    """Rounds a size up to whole cache lines; a buffer of no elements has an offset of its own, too."""
    return max(1, -(-size // ALIGNMENT)) * ALIGNMENT


class _Holes:
    """The free list: ranges below the top of the arena, by offset; neighbours are joined."""

    def __init__(self) -> None:
        self.top = 0
        self._ranges: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """Takes the tightest hole, else room at the top."""
        fits = [(end - begin, begin) for begin, end in self._ranges if end - begin >= size]
        if fits:
            room, begin = min(fits)
            self._ranges.remove((begin, begin + room))
            if room > size:
                insort(self._ranges, (begin + size, begin + room))
            return begin
        begin = self.top
        if self._ranges and self._ranges[-1][1] == self.top:
            begin = self._ranges.pop()[0]
        self.top = begin + size
        return begin

    def give(self, begin: int, size: int) -> None:
        end = begin + size
        around = [r for r in self._ranges if r[1] == begin or r[0] == end]
        for neighbour in around:
            self._ranges.remove(neighbour)
            begin, end = min(begin, neighbour[0]), max(end, neighbour[1])
        insort(self._ranges, (begin, end))


def allocate(storages: Sequence[Storage]) -> tuple[dict[Storage, int], int]:
    """Chooses an offset for each storage; returns the offsets, and the size of the arena in bytes.

    Storages that are live at the same operation do not overlap. In the order of the program (a linear scan) each takes
    the tightest hole that those before it have left.
    """
    offsets: dict[Storage, int] = {}
    holes = _Holes()
    living: list[tuple[int, int, int, Storage]] = []
    for number, storage in enumerate(sorted(storages, key=lambda s: s.start)):
        while living and living[0][0] < storage.start:
            *_, over = living.pop(0)
            holes.give(offsets[over], aligned(over.size))
        offsets[storage] = holes.take(aligned(storage.size))
        insort(living, (storage.end, number, offsets[storage], storage))
    return offsets, holes.top
