"""Memory of the devices and pinned memory, by address.

Addresses on a device are none that the processor has, so a host that reads device memory ends with a fault. No address
is given twice, so each use after a free is found. Around each allocation are zones that nothing may write to.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from pullback.backends.host_program.poison import POISON, poison
from pullback.backends.interpreter.run_memory import Array

ALIGNMENT = 256
ZONE = 1 << 12
"""Bytes before and after each allocation."""
DEVICE_BITS = 56
"""Addresses of device n begin at n + 1 shifted by these: no processor has them."""
_ZONE = np.full(ZONE // 2, POISON, np.uint16).view(np.uint8)


@dataclass(eq=False)
class Allocation:
    """Memory of a device, or pinned memory of the host where `device` is None."""

    address: int
    size: int
    device: int | None
    raw: Array
    start: int
    number: int
    freed: bool = False

    @property
    def data(self) -> Array:
        return self.raw[self.start : self.start + self.size]

    @property
    def place(self) -> str:
        return "the host" if self.device is None else f"device {self.device}"

    @property
    def host_address(self) -> int:
        """Where it is for what emulates the device."""
        return self.raw.ctypes.data + self.start

    def __str__(self) -> str:
        return f"allocation {self.number}, of {self.size} bytes on {self.place}"

    def mend(self) -> bool:
        """Restore the zones; whether something had been written to them."""
        end = self.start + self.size
        damaged = False
        for zone in (self.raw[self.start - ZONE : self.start], self.raw[end : end + ZONE]):
            if not np.array_equal(zone, _ZONE):
                damaged = True
                zone[...] = _ZONE
        return damaged


class AddressSpace:
    """The allocations of all devices of a machine, and the pinned ones."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._allocations: list[Allocation] = []
        self._next: dict[int, int] = {}
        self._made = 0
        self._used: dict[int | None, int] = {}

    def allocate(self, size: int, device: int | None) -> Allocation:
        """Take memory, which holds what no program has written."""
        raw = np.empty(size + 2 * ZONE + ALIGNMENT, np.uint8)
        start = ZONE + -(raw.ctypes.data + ZONE) % ALIGNMENT
        if device is None:
            address = raw.ctypes.data + start
        else:
            address = self._next.get(device, ((device + 1) << DEVICE_BITS) + ALIGNMENT)
            self._next[device] = address + -(-(size + 1) // ALIGNMENT) * ALIGNMENT
        self._made += 1
        self._used[device] = self.used(device) + size
        made = Allocation(address, size, device, raw, start, self._made)
        poison(made.data)
        made.mend()
        at = bisect_right(self._starts, address)
        if device is None:
            at = self._forget_freed(at, address, size)
        self._starts.insert(at, address)
        self._allocations.insert(at, made)
        return made

    def free(self, allocation: Allocation) -> None:
        """Give memory back. Its address is remembered: who uses it later is told."""
        allocation.freed = True
        self._used[allocation.device] -= allocation.size
        allocation.raw = np.empty(0, np.uint8)
        allocation.start = 0

    def find(self, address: int) -> Allocation | None:
        """The allocation that an address lies in, or just behind, freed or not."""
        at = bisect_right(self._starts, address) - 1
        if at < 0 or address > self._starts[at] + self._allocations[at].size:
            return None
        return self._allocations[at]

    def used(self, device: int | None) -> int:
        """Bytes in use on a device, or of pinned memory."""
        return self._used.get(device, 0)

    def _forget_freed(self, at: int, address: int, size: int) -> int:
        """Forget pinned memory that was freed and lies where new memory does; gives the place of the new one."""
        while at and self._starts[at - 1] + self._allocations[at - 1].size >= address:
            at -= 1
        while at < len(self._starts) and self._starts[at] <= address + size:
            assert self._allocations[at].freed
            del self._starts[at], self._allocations[at]
        return at


def is_device_address(address: int) -> bool:
    return address >> DEVICE_BITS > 0
