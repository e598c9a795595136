"""The inputs and outputs of a program on a device: how they get there, and how they come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from pullback.backends.cuda_runtime.commands import CopyCommand
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer, DeviceQueue

Array = npt.NDArray[Any]


class Transfers:
    """Copies between arrays of the host and the memory of arguments, through pinned memory."""

    def __init__(
        self, queue: DeviceQueue, buffers: Mapping[int, DeviceBuffer], staging: Mapping[int, Array]
    ) -> None:
        """`buffers` and `staging` are the memory of arguments on the device and on the host, by position."""
        self._queue, self._buffers, self._staging = queue, buffers, staging

    def upload(self, at: int, array: Array) -> None:
        """Enqueues the copy of an input or constant, which may change once this returns."""
        staging = self._staging[at]
        staging[...] = array.view(staging.dtype)
        CopyCommand(None, self._buffers[at].address, staging.ctypes.data, staging.nbytes).enqueue(self._queue)

    def download(self, at: int) -> None:
        """Enqueues the copy of an output to the host."""
        staging = self._staging[at]
        CopyCommand(None, staging.ctypes.data, self._buffers[at].address, staging.nbytes).enqueue(self._queue)

    def take(self, at: int, output: Array) -> None:
        """Copies an output to where the caller gets it, once the device has been waited for."""
        output[...] = self._staging[at].view(output.dtype)
