"""Copies and fills, as streams and nodes of graphs do them."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from pullback.backends.interpreter.run_memory import Array
from pullback.tests.cuda_core.address_space import Allocation
from pullback.tests.cuda_core.errors import cuda_error
from pullback.tests.cuda_core.machine import Machine
from pullback.tests.cuda_core.ordering import Access
from pullback.tests.cuda_core.recording import Copy, CopyKind, Fill
from pullback.tests.cuda_core.streams import Task


def copy_task(machine: Machine, target: int, source: int, size: int) -> Task:
    """The copy of bytes from an address to another."""
    operands = [machine.operand(address, size) for address in (target, source)] if size else []
    kind, source_device, target_device = _kind(operands)
    accesses = copy_accesses(machine, target, source, size)

    def run() -> None:
        if (error := machine.faults.copy()) is not None:
            raise error
        if size:
            memory_at(machine, target, size)[...] = memory_at(machine, source, size)
        machine.recording.records.append(Copy(kind, size, source_device, target_device))

    return Task(run, accesses)


def copy_accesses(machine: Machine, target: int, source: int, size: int) -> list[Access]:
    """What a copy reads and writes; memory of the host that is not pinned is nobody's."""
    found = [(machine.addresses.find(address), address) for address in (target, source)]
    return [
        Access(memory, address, size, address == target, f"a copy of {size} bytes")
        for memory, address in found
        if memory is not None
    ]


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

    return Task(run, [Access(operand, address, size, True, f"a fill of {size} bytes")])


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
