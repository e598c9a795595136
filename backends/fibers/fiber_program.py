"""Runs a module of level `gpu`: its host function on NumPy arrays, its kernels as CUDA C++ text on fibers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation

from pullback.backends.cuda.program_source import cuda_source, kernel_names
from pullback.backends.fibers.compile_text import TEXT, compile_text
from pullback.backends.fibers.device_arguments import DeviceArguments
from pullback.backends.fibers.kernel_library import LaunchError, Library, ThreadOrder, load
from pullback.backends.host_program.host_program import Extent, HostProgram, Launch, stored_arguments
from pullback.backends.host_program.launch_checks import check_block_size, check_overlap
from pullback.backends.host_program.native_callee import NativeCallee
from pullback.backends.interpreter.execution_error import ExecutionError, symbol_of
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.run_memory import Memory


class FiberProgram(HostProgram):
    """A program whose kernels run on fibers.

    Args:
        order: in which order blocks, warps and lanes take their turn.
        sanitize: whether undefined behaviour in the text is an error: an index out of an array, a misaligned access,
            a shift too far. Kernels run slower.
        text: the CUDA C++ text of the kernels, where it is not what the printer makes of the module.
        native: see `HostProgram`.
    """

    def __init__(
        self,
        module: ModuleOp,
        order: ThreadOrder = ThreadOrder.FORWARDS,
        *,
        sanitize: bool = False,
        text: str | None = None,
        native: Mapping[str, NativeCallee] | None = None,
    ) -> None:
        self.order = order
        self._library: Library | None = None
        self.text = ""
        """The CUDA C++ text of the kernels."""
        self._names = kernel_names(module)
        if self._names:
            self.text = cuda_source(module) if text is None else text
            names = list(self._names.values())
            self._library = load(compile_text(self.text, names, sanitize=sanitize))
        super().__init__(module, native)

    def kernel(self, op: Operation) -> Launch:
        assert self._library is not None
        return FiberKernel(op, self._names[op], self, self._library).launch


class FiberKernel:
    """A `gpu.func` whose text is compiled."""

    def __init__(self, op: Operation, function: str, program: FiberProgram, library: Library) -> None:
        """`function` is its name in the text."""
        self.op, self.function, self.program, self.library = op, function, program, library
        self.name = symbol_of(op) or ""
        block = op.regions[0].block
        self._types = [argument.type for argument in block.args]
        self._labels = [f"%{argument.name_hint or argument.index}" for argument in block.args]
        self._stored = stored_arguments(block)

    def launch(self, op: Operation, grid: Extent, block: Extent, arguments: Sequence[object]) -> None:
        """Run the whole grid; `op` is the launch, for messages."""
        check_block_size(op, self.op, block)
        check_overlap(op, self.op, arguments)
        positions = [at for at, value in enumerate(arguments) if isinstance(value, Memory)]
        memories = [self._memory(op, at, arguments[at]) for at in positions]
        misaligned = [self.program.addresses.misaligned(memory.data) for memory in memories]
        written = [at for at, position in enumerate(positions) if position in self._stored]
        device = DeviceArguments(memories, misaligned, written)
        addresses = dict(zip(positions, device.addresses, strict=True))
        values = [addresses[at] if at in addresses else self._bits(at, v) for at, v in enumerate(arguments)]
        try:
            self.library.launch(self.function, grid, block, values, self.program.order, self.program.poll)
        except LaunchError as error:
            raise ExecutionError(op, f"@{self.name}: {error}{self._line_of(str(error))}") from None
        if (beside := device.damaged()) is not None:
            label = self._labels[positions[beside]]
            raise ExecutionError(op, f"@{self.name} writes to memory before or after its argument {label}")
        device.take_back()

    def _line_of(self, message: str) -> str:
        """The line of the text that a message names."""
        named = re.search(r"\bline (\d+)", message)
        lines = self.program.text.splitlines()
        if named is None or not 0 < (number := int(named[1])) <= len(lines):
            return ""
        return f"\n  {TEXT}:{number}: {lines[number - 1].strip()}"

    def _memory(self, op: Operation, at: int, value: object) -> Memory:
        assert isinstance(value, Memory)
        expected = dtype_of(self._types[at])
        if value.data.dtype != expected:
            raise ExecutionError(
                op, f"argument {self._labels[at]} of @{self.name} holds {expected}, got {value.data.dtype}"
            )
        try:
            return value.flat()
        except ValueError as error:
            raise ExecutionError(op, f"an argument of @{self.name} is a view of which {error}") from None

    def _bits(self, at: int, value: object) -> int:
        type_ = self._types[at]
        assert not isinstance(type_, MemRefType)
        number = np.zeros(8, np.uint8)
        data = np.asarray(value, dtype_of(type_)).reshape(1).view(np.uint8)
        number[: data.size] = data
        return int(number.view(np.uint64)[0])
