"""The memory of one launch: copies of its arguments, with zones between that nothing may write to.

What a kernel reads outside of an argument is NaN, and what it writes there is found after the launch. Bytes of an
argument that were never written are NaN, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pullback.backends.interpreter.run_memory import Array, Memory

ZONE = 1 << 13
"""Bytes before and after each argument."""
ALIGNMENT = 256
"""Bytes that a device aligns its memory to: an argument is as far from such an address here as in its buffer."""
POISON = np.array(0xFFFB, np.uint16)
"""A quiet NaN in each floating-point type, and no likely integer."""
_POISONED = np.full(ZONE // 2 + ALIGNMENT, POISON).view(np.uint8)


def poison(array: Array) -> None:
    """Fill a contiguous array with bytes that no program has written: NaN, where it holds floating-point numbers."""
    bytes_ = array.reshape(-1).view(np.uint8)
    bytes_[...] = np.resize(_POISONED, bytes_.shape)


class DeviceArguments:
    """Copies of the elements of some memories, side by side in one array."""

    def __init__(self, memories: Sequence[Memory], misaligned: Sequence[int]) -> None:
        """`misaligned` is, for each, its bytes after an aligned address."""
        starts: list[int] = []
        end = ZONE
        for memory, bytes_after in zip(memories, misaligned, strict=True):
            starts.append(-(-end // ALIGNMENT) * ALIGNMENT + bytes_after)
            end = starts[-1] + memory.data.nbytes + ZONE
        room = np.full(end // 2 + ALIGNMENT, POISON)
        lead = -room.ctypes.data % ALIGNMENT
        self._bytes: Array = room.view(np.uint8)[lead : lead + end]
        self._starts, self._memories = starts, memories
        self.addresses = [self._bytes.ctypes.data + start for start in starts]
        for copy, memory in zip(self._copies(), memories, strict=True):
            source = memory.data.view(np.uint8)
            if memory.written is None:
                copy[...] = source
            else:
                np.copyto(copy, source, where=memory.written.reshape(-1))

    def take_back(self, positions: Sequence[int]) -> None:
        """Copy the elements of these memories back, which the launch has written to."""
        copies = self._copies()
        for at in positions:
            memory = self._memories[at]
            memory.data.view(np.uint8)[...] = copies[at]
            if memory.written is not None:
                memory.written[...] = True

    def damaged(self) -> int | None:
        """The position of the first argument that something was written before or after."""
        previous = 0
        for at, (start, memory) in enumerate(zip(self._starts, self._memories, strict=True)):
            end = start + memory.data.nbytes
            if not (self._is_poison(previous, start) and self._is_poison(end, end + ZONE)):
                return at
            previous = end + ZONE
        return None

    def _is_poison(self, start: int, end: int) -> bool:
        odd = start % 2
        return np.array_equal(self._bytes[start:end], _POISONED[odd : odd + end - start])

    def _copies(self) -> list[Array]:
        return [
            self._bytes[start : start + memory.data.nbytes]
            for start, memory in zip(self._starts, self._memories, strict=True)
        ]
