"""A batch of thread blocks in flight: the values, coordinates and mask of all their lanes at once."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from pullback.backends.interpreter.numpy_dtypes import Value

Array: TypeAlias = np.ndarray[Any, Any]
Extent: TypeAlias = tuple[int, int, int]
"""Sizes in x, y, z."""

WARP = 32
MOST_BARRIERS = (1 << 20) - 1
"""The barriers that an access code counts: those of one block in one launch."""
MANY_LANES = 0xFFF
"""In an access code: several lanes of one block."""
MANY_BLOCKS = 0x7FFFFFFF
"""In an access code: several blocks."""


class Batch(list[Value]):
    """The environment (values by slot) of consecutive thread blocks of one launch, all lanes side by side.

    A value is a scalar while it is the same in every lane, and an array over the lanes otherwise; vectors have one axis
    more, and one row while they are the same in every lane. `mask`
    tells which lanes run the current op; None is all of them, and no op ever runs without any.
    """

    def __init__(self, slots: int, grid: Extent, block: Extent, first_block: int, blocks: int) -> None:
        super().__init__([None] * slots)
        self.grid, self.block = grid, block
        self.blocks, self.threads = blocks, block[0] * block[1] * block[2]
        self.size = blocks * self.threads
        self.row: Array = np.repeat(np.arange(blocks), self.threads)
        """The number, in the batch, of each lane's block."""
        self.thread: Array = np.tile(np.arange(self.threads), blocks)
        """The lane's linear number in its block."""
        self.block_id = _unravel(first_block + self.row, grid)
        self.thread_id = _unravel(self.thread, block)
        self.shared: dict[str, Any] = {}
        self._mask: Array | None = None
        self._active: Array | None = None
        self._home: Array = ((first_block + self.row + 1) << 32) + self.thread
        self._epoch: Array = np.zeros(blocks, np.int64)
        self._codes: Array = self._home

    @property
    def mask(self) -> Array | None:
        return self._mask

    @mask.setter
    def mask(self, mask: Array | None) -> None:
        self._mask, self._active = mask, None

    @property
    def active(self) -> Array | slice:
        """An index that takes the running lanes out of an array over all of them."""
        if self._mask is None:
            return slice(None)
        if self._active is None:
            self._active = np.flatnonzero(self._mask)
        return self._active

    def lanes(self, value: Value) -> Array:
        """The value in every lane, as an array."""
        if np.ndim(value) == 2:
            return np.broadcast_to(value, (self.size, value.shape[1]))
        return value if np.ndim(value) else np.full(self.size, value)

    def running(self, value: Value) -> Array:
        """The value in the running lanes, as an array."""
        return self.lanes(value)[self.active]

    def codes(self) -> Array:
        """For each running lane: its block + 1, the barriers passed so far, and its number in the block.

        Packed as 31, 20 and 12 bits, so that one comparison tells how two accesses relate.
        """
        return self._codes[self.active]

    @property
    def barriers(self) -> int:
        """The most barriers that a block has passed so far."""
        return int(self._epoch.max())

    def pass_barrier(self, blocks: Array) -> None:
        """The blocks selected by this boolean array pass a barrier."""
        self._epoch[blocks] += 1
        self._codes = self._home + (self._epoch[self.row] << 12)

    def lane_name(self, running: int) -> str:
        """`lane 3 of block 7`, for the position of a lane among the running ones."""
        return code_name(int(self.codes()[running]))


def code_name(code: int) -> str:
    """The lane, or lanes, of an access code, in words."""
    block, lane = code >> 32, code & 0xFFF
    if block == MANY_BLOCKS:
        return "several blocks"
    return f"{'several lanes' if lane == MANY_LANES else f'lane {lane}'} of block {block - 1}"


def _unravel(linear: Array, extent: Extent) -> tuple[Array, Array, Array]:
    x, y, _ = extent
    return linear % x, linear // x % y, linear // (x * y)
