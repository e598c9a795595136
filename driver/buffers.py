"""A pool of aligned arrays for results of native code, reused once no caller refers to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.process.reference_counts import first_unused

Array = npt.NDArray[Any]
ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector register."""
POOLED_BYTES = 1 << 16
"""From this size on, fresh memory costs more in page faults than looking for memory to use again."""
POOL_SIZE = 4
"""How many arrays of one output are kept at most."""


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An uninitialised array whose data begins at a multiple of `ALIGNMENT`."""
    raw = _raw(shape, dtype)
    return np.ndarray(shape, dtype, raw, _start(raw))


def aligned_copy(array: Array) -> Array:
    """A copy of an array whose data begins at a multiple of `ALIGNMENT`."""
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return copy


def _raw(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[np.uint8]:
    size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    return np.empty(size + ALIGNMENT, np.uint8)


def _start(raw: npt.NDArray[np.uint8]) -> int:
    """Where the first aligned byte is."""
    return -raw.ctypes.data % ALIGNMENT


class OutputPool:
    """The arrays of one output of a program.

    An array may be given out again when only the pool refers to its memory. Every array that a caller
    derives from it refers to the memory itself, so the memory's reference count tells.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self._memory: list[npt.NDArray[np.uint8]] = []
        self._starts: dict[int, int] = {}
        """Where the first aligned byte of each is."""
        self.is_pooled = dtype.itemsize * int(np.prod(shape, dtype=np.int64)) >= POOLED_BYTES

    def take(self) -> Array:
        """Takes an array with arbitrary contents, to which nothing else refers."""
        if not self.is_pooled:
            return np.empty(self.shape, self.dtype)
        unused = first_unused(self._memory)
        if unused is not None:
            return np.ndarray(self.shape, self.dtype, unused, self._starts[id(unused)])
        raw = _raw(self.shape, self.dtype)
        start = _start(raw)
        if len(self._memory) < POOL_SIZE:
            self._starts[id(raw)] = start
            self._memory.append(raw)
        return np.ndarray(self.shape, self.dtype, raw, start)
