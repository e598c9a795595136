"""The devices of this process, each with one stream: what is enqueued there runs in that order.

Steps that share variables share the stream of their device, so that no step reads what an earlier one has yet to write.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.backends.cuda_runtime.api import cuda_core, device_count, note_use, refuse_in_child
from pullback.backends.cuda_runtime.cuda_error import CudaError
from pullback.backends.cuda_runtime.described_memory import described
from pullback.process.locks import Lock

Array = npt.NDArray[Any]


class DeviceQueue:
    """A device, its stream, and its memory."""

    def __init__(self, number: int) -> None:
        """`number` is N of `cuda:N`."""
        self.number = number
        self.module = cuda_core()
        self.device = self.module.Device(number)
        self.enter()
        self.stream = self.device.create_stream()
        self.architecture = f"sm_{self.device.arch}"
        self._pinned = self.module.LegacyPinnedMemoryResource()

    def enter(self) -> None:
        """Makes it the device of the current thread, which CUDA asks of each thread that uses it."""
        refuse_in_child()
        self.device.set_current()

    def allocate(self, size: int) -> DeviceBuffer:
        """Memory of the device, of arbitrary contents; it is freed, in stream order, when nothing refers to it."""
        try:
            return DeviceBuffer(self, self.device.allocate(max(size, 1), stream=self.stream))
        except Exception as error:
            raise CudaError(f"cuda:{self.number} cannot give {size} bytes of memory: {error}") from error

    def pinned(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """An array of the host that the device copies from and to while the host goes on."""
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        try:
            buffer = self._pinned.allocate(max(size, 1))
        except Exception as error:
            raise CudaError(f"the host cannot give {size} bytes of pinned memory: {error}") from error
        memory = (ctypes.c_uint8 * max(size, 1)).from_address(int(buffer.handle))
        weakref.finalize(memory, buffer.close)
        return np.frombuffer(memory, np.uint8)[:size].view(dtype).reshape(tuple(shape))

    def synchronize(self) -> None:
        """Waits for all that was enqueued; what went wrong there is raised."""
        self.stream.sync()


class DeviceBuffer:
    """Memory of a device."""

    def __init__(self, queue: DeviceQueue, buffer: Any) -> None:
        self.queue, self.buffer = queue, buffer
        self.address = int(buffer.handle)
        self.size: int = buffer.size

    def array(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """An array that describes the memory."""
        return described(self.address, shape, dtype)

    def free(self) -> None:
        """Frees it once what was enqueued before is done."""
        self.buffer.close(self.queue.stream)


_queues: dict[tuple[int, int], DeviceQueue] = {}
_lock = Lock()


def device_queue(number: int = 0) -> DeviceQueue:
    """The queue of `cuda:N`, made when it is first asked for.

    Raises:
        CudaMissingError: the wheel, the driver or the device is missing, or this process is the child of one that
            has used devices.
    """
    refuse_in_child()
    with _lock:
        key = id(cuda_core()), number
        if key not in _queues:
            count = device_count()
            if number >= count:
                names = ", ".join(f"cuda:{n}" for n in range(count))
                raise CudaError(f"there is no device cuda:{number} on this machine: expected one of {names}")
            note_use()
            _queues[key] = DeviceQueue(number)
        return _queues[key]
