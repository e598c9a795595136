"""The contents of a variable where a program on devices has them, as `driver/storage.py` asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.backends.cuda_runtime.described_memory import byte_size
from pullback.backends.cuda_runtime.device_queue import DeviceQueue

Array = npt.NDArray[Any]


class VariableOnDevice:
    """The contents of a variable on a device."""

    def __init__(self, name: str, queue: DeviceQueue, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._name, self._queue = name, queue
        self._size = byte_size(shape, dtype)
        self._buffer = queue.allocate(self._size, f"variable '{name}'")
        self.address = self._buffer.address
        self.array = self._buffer.array(shape, dtype)

    def upload(self, array: Array) -> None:
        self._copy(self._buffer.address, array.ctypes.data)

    def download(self, array: Array) -> None:
        self._copy(array.ctypes.data, self._buffer.address)

    def _copy(self, target: int, source: int) -> None:
        """Copies from or to the variable's own array: pinned memory would cost as much again, for a rare copy."""
        self._queue.enter()
        if self._size:
            self._queue.copy(target, source, self._size, f"a copy of variable '{self._name}'")
        self._queue.synchronize()


class PinnedVariable:
    """The contents of a variable of `cpu:0`, in memory of the host that devices copy from and to.

    A step that has one waits for the devices before it returns, so that whoever comes next finds the contents there.
    """

    def __init__(self, name: str, queue: DeviceQueue, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.array = queue.pinned(shape, dtype, f"variable '{name}'")
        self.address = self.array.ctypes.data

    def upload(self, array: Array) -> None:
        self.array[...] = array.view(self.array.dtype)

    def download(self, array: Array) -> None:
        array[...] = self.array.view(array.dtype)
