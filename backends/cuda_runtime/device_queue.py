"""A device with one stream: what is enqueued there runs in that order.

Steps that share variables share the stream of their device, so that no step reads what an earlier one has yet to write.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback.backends.cuda_runtime.api import cuda_core, refuse_in_child
from pullback.backends.cuda_runtime.attribution import RECENT, DeviceFailures, Enqueued
from pullback.backends.cuda_runtime.commands import CopyCommand
from pullback.backends.cuda_runtime.cuda_error import CudaError, first_line
from pullback.backends.cuda_runtime.dependencies import RangeAccess
from pullback.backends.cuda_runtime.described_memory import byte_size, described
from pullback.backends.cuda_runtime.device_order import DeviceOrder
from pullback.process.locks import Lock

Array = npt.NDArray[Any]


class DeviceQueue:
    """A device, its stream, and its memory.

    Args:
        number: N of `cuda:N`.
        order: that of the queues of this process, if there are several.
    """

    def __init__(self, number: int, order: DeviceOrder | None = None) -> None:
        self.number, self.name = number, f"cuda:{number}"
        self.failures = DeviceFailures(self)
        self.module = cuda_core()
        self.device = self.module.Device(number)
        self.enter()
        self.stream = self.device.create_stream()
        self.architecture = f"sm_{self.device.arch}"
        self.recent: deque[Enqueued] = deque(maxlen=RECENT)
        """The latest of what was enqueued and not waited for."""
        self.order = order
        self._pinned = self.module.LegacyPinnedMemoryResource()
        self._to_free: list[Any] = []
        """Pinned memory that nothing refers to."""
        self._process = os.getpid()
        self._enqueued = self._done = 0
        self._lock = Lock()

    def enter(self) -> None:
        """Makes it the device of the current thread, which CUDA asks of each thread that uses it."""
        refuse_in_child()
        self.failures.refuse()
        self.device.set_current()

    @property
    def is_settled(self) -> bool:
        """Whether all that was enqueued has been waited for."""
        return self._done == self._enqueued

    def enqueue(self, work: Enqueued) -> None:
        """Enqueues a command or a segment.

        Raises:
            CudaError: CUDA refuses it; the device may be lost.
        """
        item = work.item
        with self._lock:
            self._enqueued += 1
            self.recent.append(work)
        try:
            if self.order is None:
                item.enqueue(self)
            else:
                self.device.set_current()
                self.order.before(self, item)
                item.enqueue(self)
                self.order.after(self, item)
        except Exception as error:
            raise self.failures.refused(error, work) from error

    def copy(self, target: int, source: int, size: int, purpose: str) -> None:
        """Enqueues a copy of bytes; `purpose` is what messages call it."""
        self.enqueue(Enqueued(CopyCommand(None, target, source, size), self, purpose))

    def synchronize(self, owner: object = None) -> None:
        """Waits for all that was enqueued.

        Args:
            owner: what waits: where a device survives a failure, its work is run again to find what failed.

        Raises:
            CudaError: something went wrong there.
        """
        self.failures.refuse()
        with self._lock:
            enqueued, number = self._enqueued, 0 if self.order is None else self.order.count()
        try:
            self.stream.sync()
        except Exception as error:
            raise self.failures.found_waiting(error, owner) from error
        with self._lock:
            self._done = max(self._done, enqueued)
            if self.is_settled:
                self.recent.clear()
        if self.order is not None:
            self.order.done(self, number)
        self._sweep()

    def allocate(self, size: int, purpose: str = "memory") -> DeviceBuffer:
        """Memory of the device, of arbitrary contents; it is freed, in stream order, when nothing refers to it.

        Args:
            size: in bytes.
            purpose: what it is for, in messages.
        """
        try:
            self.device.set_current()
            return DeviceBuffer(self, self.device.allocate(max(size, 1), stream=self.stream))
        except Exception as error:
            raise CudaError(
                f"{self.name} cannot give {size} bytes for {purpose}: {first_line(error)}. Take smaller inputs, or "
                "let go of steps and arrays that are no longer used"
            ) from error

    def pinned(self, shape: Sequence[int], dtype: np.dtype[Any], purpose: str = "memory") -> Array:
        """An array of the host that the device copies from and to while the host goes on."""
        size = byte_size(shape, dtype)
        try:
            buffer = self._pinned.allocate(max(size, 1))
        except Exception as error:
            raise CudaError(
                f"the host cannot give {size} bytes of pinned memory for {purpose}: {first_line(error)}"
            ) from error
        memory = (ctypes.c_uint8 * max(size, 1)).from_address(int(buffer.handle))
        # A process that ends frees nothing.
        weakref.finalize(memory, self._free_pinned, buffer).atexit = False
        return np.ctypeslib.as_array(memory)[:size].view(dtype).reshape(tuple(shape))

    def release(self, buffer: Any) -> None:
        """Frees memory of the device once all is done that was enqueued and uses it, on other devices, too."""
        if self._may_free():
            with suppress(Exception):  # nobody could do anything about it
                if self.order is not None:
                    self.order.before(self, _written(buffer))
                buffer.close(self.stream)

    def _free_pinned(self, buffer: Any) -> None:
        """Frees pinned memory, which no stream orders: now, if no device uses it, else when the host has waited."""
        self._to_free.append(buffer)
        if self._may_free() and self.order is None:
            with suppress(Exception):
                self.device.set_current()
                self._sweep()

    def _sweep(self) -> None:
        """Frees the pinned memory that nothing refers to, as far as devices are done with it."""
        if self.is_settled:
            used = [b for b in self._to_free if self.order is not None and self.order.is_used(_written(b))]
            free = [buffer for buffer in self._to_free if buffer not in used]
            self._to_free = used
            for buffer in free:
                buffer.close()

    def _may_free(self) -> bool:
        """Whether CUDA takes memory back: not from the child of a fork, nor on a device that is lost."""
        return not self.failures.is_lost and self._process == os.getpid()


class DeviceBuffer:
    """Memory of a device, which is freed when nothing refers to this any more."""

    def __init__(self, queue: DeviceQueue, buffer: Any) -> None:
        self.queue = queue
        self.address = int(buffer.handle)
        self.size: int = buffer.size
        self._finalizer = weakref.finalize(self, queue.release, buffer)
        self._finalizer.atexit = False  # a process that ends frees nothing

    def array(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """An array that describes the memory."""
        return described(self.address, shape, dtype)

    def free(self) -> None:
        """Frees it now, once what was enqueued before is done."""
        self._finalizer()


def _written(buffer: Any) -> RangeAccess:
    """The access of what ends a buffer."""
    start = int(buffer.handle)
    return RangeAccess((), ((start, start + buffer.size),))
