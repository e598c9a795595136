"""Memory of a device that arrays refer to, those of other libraries among them, and a pool of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.backends.cuda_runtime.described_memory import byte_size
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.process.reference_counts import first_unused

Array = npt.NDArray[Any]

LEGACY_STREAM = 1
"""The handle of the default stream, which is always there."""
POOL_SIZE = 4
"""How many pieces of memory of one output are kept at most."""


class SharedMemory:
    """Memory of a device. Each array that is made of it refers to it, so its reference count tells whether one is left.

    Args:
        queue: of the device.
        shape: of its arrays.
        dtype: of its arrays.
    """

    def __init__(self, queue: DeviceQueue, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.queue, self.shape, self.dtype = queue, shape, dtype
        self.size = byte_size(shape, dtype)
        self._buffer = queue.allocate(self.size, f"an output of shape {shape}")
        self._consumers: set[int] = set()
        # NumPy makes an array without elements lie anywhere: what is described has one byte at least.
        self.__array_interface__ = {
            "version": 3,
            "shape": (max(self.size, 1),),
            "typestr": "|u1",
            "data": (self._buffer.address, False),
        }

    def array(self) -> Array:
        """A new array that describes the memory."""
        return np.asarray(self)[: self.size].view(self.dtype).reshape(self.shape)

    def give_to(self, stream: int | None) -> None:
        """Has the stream of a consumer wait for what our own has been told to do, as DLPack's protocol wants it.

        Args:
            stream: its handle; 0 or None for the default stream, -1 for a consumer that does not want this.
        """
        handle = stream or LEGACY_STREAM
        self._consumers.add(handle)
        if handle != -1:
            self.queue.module.Stream.from_handle(handle).wait(self.queue.stream)

    @property
    def has_consumers(self) -> bool:
        """Whether it was given to another library since the last output was put there."""
        return bool(self._consumers)

    def await_consumers(self) -> None:
        """Has our stream wait for whatever consumers have told the device so far: they may still use the memory."""
        if self._consumers <= {LEGACY_STREAM}:
            for handle in self._consumers:
                self.queue.stream.wait(self.queue.module.Stream.from_handle(handle))
        else:  # their streams may be gone: nothing may be asked of them
            self.queue.device.sync()

    def forget_consumers(self) -> None:
        """Notes that no array is left."""
        self._consumers.clear()

    def __del__(self) -> None:
        # Our stream frees the memory: not before a consumer is done with it.
        if getattr(self, "_consumers", None):
            with suppress(Exception):
                self.queue.enter()
                self.await_consumers()


class SharedMemoryPool:
    """The memory of one output of a program, used again once nothing refers to it."""

    def __init__(self, queue: DeviceQueue, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._made_of = queue, shape, dtype
        self._memory: list[SharedMemory] = []

    def take(self) -> SharedMemory:
        """Takes memory of arbitrary contents, to which nothing else refers."""
        unused = first_unused(self._memory)
        if unused is not None:
            unused.await_consumers()
            unused.forget_consumers()
            return unused
        made = SharedMemory(*self._made_of)
        if len(self._memory) < POOL_SIZE:
            self._memory.append(made)
        return made
