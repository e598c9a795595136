"""Functions of the host that a program calls as native code, instead of on the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from xdsl.ir import Operation

from pullback.backends.host_program.run_device_memory import DeviceMemory
from pullback.backends.interpreter.compiled_blocks import Environment, Step
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.run_memory import Array, Memory


@dataclass(frozen=True)
class NativeCallee:
    """A function on memory of the host, which someone has compiled."""

    run: Callable[..., None]
    """Takes an array for each argument, which it may change in place."""
    written: Collection[int]
    """The positions of the arguments that it writes to."""

    def step(self, op: Operation, operands: Sequence[int]) -> Step:
        """The step of a call, with the slots of its operands."""

        def call(environment: Environment) -> None:
            memories = [environment[slot] for slot in operands]
            self.run(*(_array(op, number, memory) for number, memory in enumerate(memories)))
            for position in self.written:
                if (written := memories[position].written) is not None:
                    written[...] = True

        return call


def _array(op: Operation, number: int, memory: Memory) -> Array:
    if isinstance(memory, DeviceMemory):
        raise ExecutionError(
            op,
            f"argument {number} is memory of {memory.device}, which the host cannot reach: copy it with gpu.memcpy",
        )
    return memory.data
