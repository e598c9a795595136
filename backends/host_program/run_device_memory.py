"""Runs the memory ops of `gpu` on NumPy arrays: memory of a device, which the host allocates, fills, copies and frees.

What else the host does with it is an error: on a GPU it would be an access of an address that it does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder, segments
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import DType, Value
from pullback.backends.interpreter.run_memory import Array, Memory, allocation
from pullback.dialects.graph.kernel.devices import allocation_device
from pullback.dialects.graph.tensor.device import CUDA


@dataclass(slots=True)
class DeviceMemory(Memory):
    """Memory of a device. The host may have views of it."""

    device: str = CUDA

    def part(self, data: Array, written: Array | None) -> DeviceMemory:
        return DeviceMemory(data, written, self.device)

    def read(self, op: Operation, index: Any) -> Value:
        raise ExecutionError(op, "the host reads memory of a device: copy it with gpu.memcpy first")

    def write(self, op: Operation, index: Any, value: Value) -> None:
        raise ExecutionError(op, "the host writes to memory of a device: copy to it with gpu.memcpy")

    def copy_to(self, op: Operation, destination: Memory) -> None:
        raise ExecutionError(op, "the host reads memory of a device: copy it with gpu.memcpy")

    def free(self, op: Operation) -> None:
        raise ExecutionError(op, "this is memory of a device: free it with gpu.dealloc")

    def unguarded(self) -> Memory:
        """The same memory, for what reaches it on behalf of the device."""
        return Memory(self.data, self.written)


def _alloc(compiler: Compiler, op: Operation) -> Step:
    device = allocation_device(op)

    def make(shape: Sequence[int], dtype: DType) -> DeviceMemory:
        fresh = Memory.undefined(shape, dtype)
        return DeviceMemory(fresh.data, fresh.written, device)

    return allocation(make, segments(op)[1], compiler, op)


def _dealloc(compiler: Compiler, op: Operation) -> Step:
    slot = compiler.slot(op.operands[0])

    def run(environment: Environment) -> None:
        of_device(op, environment[slot], "free it with memref.dealloc").unguarded().free(op)

    return run


def _memset(compiler: Compiler, op: Operation) -> Step:
    slot, value = compiler.slots(op.operands)

    def run(environment: Environment) -> None:
        memory = of_device(op, environment[slot], "expected memory of a device")
        memory.unguarded().write(op, ..., environment[value])

    return run


def _memcpy(compiler: Compiler, op: Operation) -> Step:
    destination, source = compiler.slots(op.operands)
    return lambda environment: _any(environment[source]).copy_to(op, _any(environment[destination]))


def of_device(op: Operation, memory: Memory, remedy: str) -> DeviceMemory:
    """Memory that the host may free or fill by ops of `gpu`; ExecutionError for memory of its own."""
    if not isinstance(memory, DeviceMemory):
        raise ExecutionError(op, f"this is memory of the host: {remedy}")
    return memory


def _any(memory: Memory) -> Memory:
    return memory.unguarded() if isinstance(memory, DeviceMemory) else memory


DEVICE_MEMORY: dict[str, StepBuilder] = {
    "gpu.alloc": _alloc,
    "gpu.dealloc": _dealloc,
    "gpu.memcpy": _memcpy,
    "gpu.memset": _memset,
}
