"""Buffers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from pullback.tests.cuda_core.copies import copy_task, fill_pattern, fill_task, memory_at
from pullback.tests.cuda_core.errors import CUDAError, MisuseError
from pullback.tests.cuda_core.machine import Bound, Machine
from pullback.tests.cuda_core.ownership import Pointer, Recipe
from pullback.tests.cuda_core.streams import Stream, accept_stream

Resource: TypeAlias = Any
"""A `MemoryResource`, which builds on this file."""


class Buffer(Bound):
    """Memory of a device, or pinned memory."""

    _address: int
    _size: int
    _resource: Resource | None
    _pointer: Pointer | None
    _owner: object
    _closed: bool

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("Buffer objects cannot be instantiated directly. Please use MemoryResource APIs.")

    @classmethod
    def _made(
        cls, address: int, size: int, resource: Resource | None, pointer: Pointer | None, owner: object
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
            mr: Resource | None = None,
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
    def memory_resource(self) -> Resource | None:
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
        target: Any = dst
        if target is None:
            resource: Any = self._resource
            if resource is None:
                raise ValueError(
                    "a destination buffer must be provided (this buffer does not have a memory_resource)"
                )
            target = resource.allocate(self._size, stream=stream)
        target._open()
        copy(self._machine, target, self, accepted)
        return target

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
