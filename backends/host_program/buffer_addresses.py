"""How far memory is from an address that a device aligns it to: the buffers of a program begin at such ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from pullback.backends.interpreter.run_memory import Array

DEVICE_ALIGNMENT = 256
"""Bytes that allocators of devices align memory to. NumPy aligns less, so addresses count from where buffers begin."""


class BufferAddresses:
    """The addresses of the buffers of a run."""

    def __init__(self, buffers: Sequence[Array] = ()) -> None:
        addresses = [(buffer.ctypes.data, buffer.nbytes) for buffer in buffers]
        self._ranges = sorted((start, start + size) for start, size in addresses)

    def misaligned(self, array: Array) -> int:
        """The bytes of an array after an aligned address: a part of a buffer, or of what was allocated in the run."""
        address = array.ctypes.data
        before = bisect_right(self._ranges, (address, 2**64)) - 1
        if before >= 0 and address < self._ranges[before][1]:
            return (address - self._ranges[before][0]) % DEVICE_ALIGNMENT
        while isinstance(array.base, np.ndarray):
            array = array.base
        return (address - array.ctypes.data) % DEVICE_ALIGNMENT
