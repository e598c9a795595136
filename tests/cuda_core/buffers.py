"""Buffers and what allocates them."""

from __future__ import annotations

import ctypes
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback.backends.interpreter.run_memory import Array
from pullback.tests.cuda_core.address_space import Allocation
from pullback.tests.cuda_core.errors import CUDAError, MisuseError, cuda_error
from pullback.tests.cuda_core.machine import Bound, Machine
from pullback.tests.cuda_core.recording import Copy, CopyKind, Fill
from pullback.tests.cuda_core.streams import Stream, Task, accept_stream


@dataclass
class Recipe:
    """How memory is given back: on which stream, or at once where there is none."""

    machine: Machine
    allocation: Allocation
    stream: Stream | None


class Pointer:
    """Owns an allocation, which is freed when the last reference goes: a buffer's, or that of a node of a graph."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        weakref.finalize(self, release_unseen, recipe).atexit = False


def release_unseen(recipe: Recipe) -> None:
    """Give memory back where nothing can be raised; the machine keeps what was wrong."""
    with suppress(MisuseError):
        release(recipe)


def release(recipe: Recipe) -> None:
    """Give memory back, in the order of its stream."""
    machine, allocation, stream = recipe.machine, recipe.allocation, recipe.stream
    with machine.lock:
        if stream is None:
            check_unused(machine, allocation, None)
            machine.free(allocation)
        elif stream._context.error is None:

            def free() -> None:
                check_unused(machine, allocation, stream)
                machine.free(allocation)

            stream._enqueue(Task(free, [allocation]))


def check_unused(machine: Machine, allocation: Allocation, stream: Stream | None) -> None:
    """Refuse to free what enqueued work uses; what comes later in the same stream is found when it runs."""
    for context in machine.contexts:
        for other in context.streams:
            if other is not stream and other._waiting(allocation):
                raise machine.misuse(
                    f"{allocation} is freed while work that uses it is enqueued on a stream of device "
                    f"{context.device}, for which the free does not wait"
                )


class Buffer(Bound):
    """Memory of a device, or pinned memory."""

    _address: int
    _size: int
    _resource: MemoryResource | None
    _pointer: Pointer | None
    _owner: object
    _closed: bool

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("Buffer objects cannot be instantiated directly. Please use MemoryResource APIs.")

    @classmethod
    def _made(
        cls, address: int, size: int, resource: MemoryResource | None, pointer: Pointer | None, owner: object
    ) -> Buffer:
        self = object.__new__(cls)
        self._address, self._size, self._resource = address, size, resource
        self._pointer, self._owner, self._closed = pointer, owner, False
        return self

    @classmethod
    def _bound(cls, machine: Machine) -> dict[str, object]:
        def from_handle(
            ptr: Any,
            size,
            mr: MemoryResource | None = None,
            owner: object | None = None,
            *,
            stream: Stream | None = None,
        ) -> Buffer:
            return buffer_at(machine, int(ptr), size, mr, owner, stream)

        return {"from_handle": staticmethod(from_handle)}

    @property
    def handle(self) -> int:
        return self._address

    @property
    def size(self) -> int:
        return self._size

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def memory_resource(self) -> MemoryResource | None:
        return self._resource

    @property
    def owner(self) -> object:
        return self._owner

    @property
    def device_id(self) -> int:
        self._open()
        if self._resource is not None:
            return self._resource.device_id
        allocation = self._machine.addresses.find(self._address)
        return -1 if allocation is None or allocation.device is None else allocation.device

    @property
    def is_device_accessible(self) -> bool:
        self._open()
        return self._resource is not None or self._machine.addresses.find(self._address) is not None

    @property
    def is_host_accessible(self) -> bool:
        self._open()
        if self._resource is not None:
            return self._resource.is_host_accessible
        allocation = self._machine.addresses.find(self._address)
        return allocation is None or allocation.device is None

    def close(self, stream: Stream | None = None) -> None:
        if self._closed:
            return
        if stream is not None:
            self.set_deallocation_stream(stream)
        misuses = len(self._machine.misuses)
        self._closed, self._address, self._size = True, 0, 0
        self._pointer = self._owner = self._resource = None
        if len(self._machine.misuses) > misuses:
            raise MisuseError(self._machine.misuses[-1])

    def set_deallocation_stream(self, stream: Stream) -> None:
        self._open()
        if self._pointer is not None and self._pointer.recipe.stream is not None:
            self._pointer.recipe.stream = accept_stream(stream)

    def copy_from(self, src: Buffer, *, stream: Stream, options: Any | None = None) -> None:
        self._open()
        src._open()
        copy(self._machine, self, src, accept_stream(stream))

    def copy_to(self, dst: Buffer | None = None, *, stream: Stream, options: Any | None = None) -> Buffer:
        self._open()
        accepted = accept_stream(stream)
        if dst is None:
            if self._resource is None:
                raise ValueError(
                    "a destination buffer must be provided (this buffer does not have a memory_resource)"
                )
            dst = self._resource.allocate(self._size, stream=stream)
        dst._open()
        copy(self._machine, dst, self, accepted)
        return dst

    def fill(self, value: Any, *, stream: Stream) -> None:
        self._open()
        accepted, pattern = accept_stream(stream), fill_pattern(value)
        if self._size % len(pattern):
            raise ValueError(f"buffer size ({self._size}) must be divisible by {len(pattern)}")
        accepted._enqueue(fill_task(self._machine, self._address, self._size, pattern))

    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        if not self.is_host_accessible:
            raise BufferError("the stand-in exports memory of the host alone")
        array = memory_at(self._machine, self._address, self._size)
        return array.view(np.int8).__dlpack__(max_version=max_version)

    def __dlpack_device__(self) -> tuple[int, int]:
        if not self.is_host_accessible:
            return 2, self.device_id
        return (3, 0) if self.is_device_accessible else (1, 0)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()
        return False

    def _open(self) -> None:
        if self._closed:
            raise RuntimeError("Buffer is closed")


def copy(machine: Machine, target: Buffer, source: Buffer, stream: Stream) -> None:
    if source.size != target.size:
        raise ValueError(
            f"buffer sizes mismatch between src and dst (sizes are: src={source.size}, dst={target.size})"
        )
    stream._enqueue(copy_task(machine, target.handle, source.handle, source.size))


def copy_task(machine: Machine, target: int, source: int, size: int) -> Task:
    """The copy of bytes from an address to another."""
    operands = [machine.operand(address, size) for address in (target, source)] if size else []
    kind, source_device, target_device = _kind(operands)

    def run() -> None:
        if (error := machine.faults.copy()) is not None:
            raise error
        if size:
            memory_at(machine, target, size)[...] = memory_at(machine, source, size)
        machine.recording.records.append(Copy(kind, size, source_device, target_device))

    return Task(run, [each for each in operands if each is not None])


def _kind(operands: list[Allocation | None]) -> tuple[CopyKind, int | None, int | None]:
    """How a copy is called, and from where to where it goes."""
    target, source = [None if each is None else each.device for each in operands] or [None, None]
    if source is None:
        return ("h2h" if target is None else "h2d"), source, target
    if target is None:
        return "d2h", source, target
    return ("d2d" if source == target else "p2p"), source, target


def fill_task(machine: Machine, address: int, size: int, pattern: bytes) -> Task:
    """Repeats some bytes."""
    operand = machine.operand(address, size)
    if operand is None:
        raise cuda_error("CUDA_ERROR_INVALID_VALUE", "the memory is the host's, and not pinned")

    def run() -> None:
        memory_at(machine, address, size).reshape(-1, len(pattern))[...] = np.frombuffer(pattern, np.uint8)
        machine.recording.records.append(Fill(size, operand.device))

    return Task(run, [operand])


def fill_pattern(value: Any) -> bytes:
    """The bytes that a value stands for in a fill."""
    if isinstance(value, int):
        if not 0 <= value < 256:
            raise OverflowError("value too large to convert to uint8_t")
        return bytes([value])
    pattern = bytes(memoryview(value).cast("B"))
    if len(pattern) not in (1, 2, 4):
        raise ValueError(f"value must be 1, 2, or 4 bytes, got {len(pattern)}")
    return pattern


def memory_at(machine: Machine, address: int, size: int) -> Array:
    """The bytes at an address, of a device or of the host, when work runs."""
    allocation = machine.addresses.find(address)
    if allocation is None:
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))
    machine.check_live(allocation, "an operation runs that uses")
    start = address - allocation.address
    return allocation.data[start : start + size]


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


def buffer_at(machine: Machine, address: int, size: int, mr: Any, owner: object, stream: Any) -> Buffer:
    """A buffer of memory that somebody else has."""
    if mr is not None and owner is not None:
        raise ValueError("owner and memory resource cannot be both specified together")
    if stream is not None and mr is None:
        raise ValueError("stream requires a memory resource (mr)")
    pointer = None
    if mr is not None:
        allocation = machine.addresses.find(address)
        if allocation is None:
            raise CUDAError("the stand-in frees what it has allocated alone")
        pointer = Pointer(Recipe(machine, allocation, None if stream is None else accept_stream(stream)))
    return machine.types["Buffer"]._made(address, size, mr, pointer, owner)
