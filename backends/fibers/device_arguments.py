"""The memory of one launch: copies of its arguments, with zones before and after that a kernel has no business with.

What a kernel reads outside of an argument is NaN, and what it writes there is found after the launch. Bytes of an
argument that were never written are NaN, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from pullback.backends.host_program.buffer_addresses import DEVICE_ALIGNMENT
from pullback.backends.host_program.poison import POISON, poison
from pullback.backends.interpreter.run_memory import Array, Memory

ZONE = 1 << 13
"""The least number of bytes before and after each argument."""
GUARD = 0xC7E5
"""Two bytes around what a kernel writes to: a number, since NaN that is read, added to and stored is the same NaN."""
_REPEATED = {bits: np.full(ZONE, bits, np.uint16).view(np.uint8) for bits in (POISON, GUARD)}


class DeviceArguments:
    """Copies of the elements of some memories, side by side in one array."""

    def __init__(
        self, memories: Sequence[Memory], misaligned: Sequence[int], written: Collection[int]
    ) -> None:
        """Copies memories.

        Args:
            memories: contiguous ones.
            misaligned: for each, its bytes after an aligned address.
            written: the positions of those that the launch writes to.
        """
        self._memories, self._written = memories, written
        self._zones: list[tuple[int, int]] = []
        self._starts: list[int] = []
        end = 0
        for memory, bytes_after in zip(memories, misaligned, strict=True):
            start = -(-(end + ZONE) // DEVICE_ALIGNMENT) * DEVICE_ALIGNMENT + bytes_after
            self._zones.append((end, start))
            self._starts.append(start)
            end = start + memory.data.nbytes + ZONE
        room = np.empty(end + DEVICE_ALIGNMENT, np.uint8)
        lead = -room.ctypes.data % DEVICE_ALIGNMENT
        self._bytes: Array = room[lead : lead + end]
        self.addresses = [self._bytes.ctypes.data + start for start in self._starts]
        for at, (copy, memory) in enumerate(zip(self._copies(), memories, strict=True)):
            source = memory.data.view(np.uint8)
            if memory.written is None:
                copy[...] = source
            else:
                poison(copy)
                np.copyto(copy, source, where=memory.written.reshape(-1))
            for zone, bytes_ in self._around(at):
                zone[...] = bytes_

    def take_back(self) -> None:
        """Copy the elements back that the launch has written to."""
        copies = self._copies()
        for at in self._written:
            memory = self._memories[at]
            memory.data.view(np.uint8)[...] = copies[at]
            if memory.written is not None:
                memory.written[...] = True

    def damaged(self) -> int | None:
        """The position of the first argument that something was written before or after."""
        for at in range(len(self._memories)):
            if not all(np.array_equal(zone, bytes_) for zone, bytes_ in self._around(at)):
                return at
        return None

    def _around(self, at: int) -> list[tuple[Array, Array]]:
        """The zones before and after an argument, and what they hold."""
        held = _REPEATED[GUARD if at in self._written else POISON]
        first, start = self._zones[at]
        end = start + self._memories[at].data.nbytes
        return [
            (self._bytes[first:start], held[first - start :]),
            (self._bytes[end : end + ZONE], held[:ZONE]),
        ]

    def _copies(self) -> list[Array]:
        return [
            self._bytes[start : start + memory.data.nbytes]
            for start, memory in zip(self._starts, self._memories, strict=True)
        ]
