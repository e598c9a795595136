"""Runs a module of level `gpu` on a device: its host function here, its kernels and copies in stream order there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda.program_source import cuda_source, kernel_names
from pullback.backends.cuda_runtime.commands import Command, CopyCommand, FillCommand, LaunchCommand
from pullback.backends.cuda_runtime.compile_kernels import object_code
from pullback.backends.cuda_runtime.described_memory import address_of
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer, DeviceQueue
from pullback.backends.host_program.host_program import Extent, HostProgram, Launch, stored_arguments
from pullback.backends.host_program.launch_checks import check_block_size, check_overlap
from pullback.backends.host_program.run_device_memory import DeviceMemory
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder, segments
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.run_memory import Memory, static_shape

HOST_ACCESSES = ("memref.load", "memref.store", "memref.copy")
"""Operations by which the host reaches its memory, which copies that are enqueued may still write to or read."""


class CudaProgram(HostProgram):
    """A program on one device. Arguments on the device are arrays that describe its memory.

    Nothing that it enqueues is waited for at the end of `run`.
    """

    def __init__(self, module: ModuleOp, queue: DeviceQueue) -> None:
        self.queue = queue
        self._names = kernel_names(module)
        self._code = object_code(cuda_source(module), queue.architecture) if self._names else None
        self._rows: dict[int, DeviceBuffer] = {}
        """What `gpu.alloc` made, by address."""
        super().__init__(module)
        for name in HOST_ACCESSES:
            self._builders[name] = self._settled(self._builders[name])
        self._builders |= {
            "func.call": self._settled(self._builders["func.call"]),
            "gpu.alloc": self._alloc,
            "gpu.dealloc": self._dealloc,
            "gpu.memcpy": self._memcpy,
            "gpu.memset": self._memset,
        }

    def issue(self, command: Command) -> None:
        """Enqueues a command."""
        command.enqueue(self.queue)

    def kernel(self, op: Operation) -> Launch:
        name, types = self._names[op], [argument.type for argument in op.regions[0].block.args]
        stored = stored_arguments(op.regions[0].block)
        assert self._code is not None
        function = self._code.get_kernel(name)

        def launch(launch_op: Operation, grid: Extent, block: Extent, arguments: Sequence[object]) -> None:
            check_block_size(launch_op, op, block)
            check_overlap(launch_op, op, arguments)
            reads = [_range(v.data) for v in arguments if isinstance(v, Memory)]
            writes = [
                _range(v.data) for at, v in enumerate(arguments) if isinstance(v, Memory) and at in stored
            ]
            values = tuple(_argument(launch_op, t, v) for t, v in zip(types, arguments, strict=True))
            config = self.queue.module.LaunchConfig(grid=grid, block=block)
            self.issue(LaunchCommand(launch_op, function, config, values, tuple(reads), tuple(writes)))

        return launch

    def _settled(self, builder: StepBuilder) -> StepBuilder:
        """A builder whose step runs after all that was enqueued."""

        def build(compiler: Compiler, op: Operation) -> Step:
            step = builder(compiler, op)

            def run(environment: Environment) -> None:
                self.queue.synchronize()
                step(environment)

            return run

        return build

    def _alloc(self, compiler: Compiler, op: Operation) -> Step:
        slots, result = compiler.slots(segments(op)[1]), compiler.slot(op.results[0])
        type_, dtype = op.results[0].type, dtype_of(op.results[0].type)

        def run(environment: Environment) -> None:
            shape = static_shape(type_, [int(environment[slot]) for slot in slots])
            buffer = self.queue.allocate(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
            self._rows[buffer.address] = buffer
            environment[result] = DeviceMemory(buffer.array(shape, dtype))

        return run

    def _dealloc(self, compiler: Compiler, op: Operation) -> Step:
        slot = compiler.slot(op.operands[0])

        def run(environment: Environment) -> None:
            self._rows.pop(address_of(environment[slot].data)).free()

        return run

    def _memcpy(self, compiler: Compiler, op: Operation) -> Step:
        target, source = compiler.slots(op.operands)

        def run(environment: Environment) -> None:
            to, of = environment[target].data, environment[source].data
            if not (to.flags.c_contiguous and of.flags.c_contiguous and to.nbytes == of.nbytes):
                raise ExecutionError(op, f"copies {of.shape} to {to.shape}: expected equal ones without gaps")
            self.issue(CopyCommand(op, address_of(to), address_of(of), to.nbytes))

        return run

    def _memset(self, compiler: Compiler, op: Operation) -> Step:
        target, value = compiler.slots(op.operands)
        dtype = dtype_of(op.operands[0].type)

        def run(environment: Environment) -> None:
            data = environment[target].data
            pattern = np.asarray(environment[value], dtype).tobytes()
            self.issue(FillCommand(op, address_of(data), data.nbytes, pattern))

        return run


def _range(data: Any) -> tuple[int, int]:
    return address_of(data), address_of(data) + data.nbytes


def _argument(op: Operation, type_: Attribute, value: object) -> Any:
    """What CUDA takes for an argument: the address of memory, or a scalar."""
    if not isinstance(type_, MemRefType):
        return dtype_of(type_).type(value)
    assert isinstance(value, Memory)
    if not value.data.flags.c_contiguous:
        raise ExecutionError(op, "an argument is a view whose elements do not lie side by side")
    return address_of(value.data)
