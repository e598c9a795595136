"""The contents of a variable on a device, as `driver/storage.py` asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.backends.cuda_runtime.commands import CopyCommand
from pullback.backends.cuda_runtime.device_queue import DeviceQueue

Array = npt.NDArray[Any]


class VariableOnDevice:
    """The contents of a variable on a device."""

    def __init__(self, queue: DeviceQueue, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._queue = queue
        self._staging = queue.pinned(shape, dtype)
        self._buffer = queue.allocate(self._staging.nbytes)
        self.array = self._buffer.array(shape, dtype)

    def upload(self, array: Array) -> None:
        self._queue.enter()
        self._staging[...] = array.view(self._staging.dtype)
        CopyCommand(None, self._buffer.address, self._staging.ctypes.data, self._staging.nbytes).enqueue(
            self._queue
        )
        self._queue.synchronize()

    def download(self, array: Array) -> None:
        self._queue.enter()
        CopyCommand(None, self._staging.ctypes.data, self._buffer.address, self._staging.nbytes).enqueue(
            self._queue
        )
        self._queue.synchronize()
        array[...] = self._staging.view(array.dtype)
