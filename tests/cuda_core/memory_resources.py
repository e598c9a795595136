"""What allocates buffers: of devices, and pinned ones."""

from __future__ import annotations

from typing import Any

from pullback.tests.cuda_core.buffers import Buffer
from pullback.tests.cuda_core.errors import cuda_error
from pullback.tests.cuda_core.machine import Bound
from pullback.tests.cuda_core.ordering import whole
from pullback.tests.cuda_core.ownership import Pointer, Recipe, release
from pullback.tests.cuda_core.streams import Stream, Task, accept_stream


class MemoryResource(Bound):
    """Allocates buffers."""

    _device: int | None = None

    def allocate(self, size, *, stream: Stream) -> Buffer:
        return self._allocate(size, accept_stream(stream))

    def deallocate(self, ptr: Any, size, *, stream: Stream) -> None:
        accepted = accept_stream(stream)
        allocation = self._machine.addresses.find(int(ptr))
        if allocation is None or allocation.address != int(ptr):
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", "what is freed was not allocated")
        release(Recipe(self._machine, allocation, accepted))

    @property
    def device_id(self) -> int:
        return -1 if self._device is None else self._device

    @property
    def is_device_accessible(self) -> bool:
        return True

    @property
    def is_host_accessible(self) -> bool:
        return self._device is None

    def _allocate(self, size: int, stream: Stream | None) -> Buffer:
        if size < 0:
            raise OverflowError("can't convert negative value to size_t")
        pointer, address = None, 0
        if size:
            allocation = self._machine.allocate(size, self._device)
            address = allocation.address
            pointer = Pointer(Recipe(self._machine, allocation, stream))
            if stream is not None:
                stream._enqueue(Task(lambda: None, [whole(allocation, "allocating it")]))
        return self._machine.types["Buffer"]._made(address, size, self, pointer, None)


class DeviceMemoryResource(MemoryResource):
    """Memory of a device, in the order of a stream."""

    def __init__(self, device_id: Any, options: Any | None = None) -> None:
        self._machine.initialize()
        self._device = self._machine.types["Device"](device_id).device_id
        self._closed = False

    def close(self) -> None:
        self._closed = True

    @property
    def is_closed(self) -> bool:
        return self._closed


class PinnedMemoryResource(MemoryResource):
    """Pinned memory, in the order of a stream."""

    def __init__(self, options: Any | None = None) -> None:
        self._machine.initialize()
        self._closed = False

    def close(self) -> None:
        self._closed = True

    @property
    def is_closed(self) -> bool:
        return self._closed


class LegacyPinnedMemoryResource(MemoryResource):
    """Pinned memory, at once."""

    def allocate(self, size: int, *, stream: Stream | None = None) -> Buffer:
        if stream is not None:
            accept_stream(stream)
        if size:
            self._machine.initialize()
            self._machine.current_context()
        return self._allocate(size, None)

    def deallocate(self, ptr: Any, size: int, *, stream: Stream | None = None) -> None:
        if stream is not None:
            accept_stream(stream).sync()
        allocation = self._machine.addresses.find(int(ptr))
        if allocation is None:
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", "what is freed was not allocated")
        release(Recipe(self._machine, allocation, None))

    @property
    def device_id(self) -> int:
        raise RuntimeError("a pinned memory resource is not bound to any GPU")
