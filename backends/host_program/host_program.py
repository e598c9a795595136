"""Runs the host function of level `gpu` on NumPy arrays, and hands each launch to what runs the kernel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.ir import Block, BlockArgument, Operation

from pullback.backends.host_program.buffer_addresses import BufferAddresses
from pullback.backends.host_program.native_callee import NativeCallee
from pullback.backends.host_program.poison import poison
from pullback.backends.host_program.run_device_memory import DEVICE_MEMORY, DeviceMemory
from pullback.backends.host_program.watching import Watch
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, segments
from pullback.backends.interpreter.execution_error import ExecutionError, symbol_of
from pullback.backends.interpreter.interpreter import LoopProgram
from pullback.backends.interpreter.run_memory import Array, Memory
from pullback.dialects.graph.kernel.devices import argument_devices
from pullback.dialects.graph.tensor.device import HOST
from pullback.process.interrupts import Progress

Extent: TypeAlias = tuple[int, int, int]
"""Sizes in x, y, z."""
Launch: TypeAlias = Callable[[Operation, Extent, Extent, Sequence[object]], None]
"""Runs a kernel: on the launch (for messages), the grid, the block, and the arguments."""
STORES = ("memref.store", "vector.store")
"""Operations that write to their second operand."""
MAX_THREADS = 1024
"""Threads that CUDA lets a block have."""


class HostProgram(LoopProgram):
    """The loop interpreter for host code, with `gpu.launch_func` given to `kernel`.

    Arguments that the function has on a device are `DeviceMemory`, which host code can only copy; kernels are given
    nothing else.

    Args:
        module: of level `gpu`.
        native: functions of the module that are not to be interpreted, by name.
    """

    def __init__(self, module: ModuleOp, native: Mapping[str, NativeCallee] | None = None) -> None:
        self._native = native or {}
        self._watch = Watch(module)
        self.addresses = BufferAddresses()
        """Where the buffers of the current run are."""
        launch = self._watch.watched(self._launch_func, lambda op: self._written_by(op))
        copies = {
            name: self._watch.watched(DEVICE_MEMORY[name], lambda _: [0])
            for name in ("gpu.memcpy", "gpu.memset")
        }
        builders = {**DEVICE_MEMORY, **copies, **self._watch.builders(self._call)}
        super().__init__(module, {**builders, "gpu.launch_func": launch})
        self._kernel_modules = {symbol_of(op): op for op in module.ops if op.name == "gpu.module"}

    def run(self, entry: str, buffers: Sequence[Array], undefined: Collection[int] = ()) -> None:
        self.addresses = BufferAddresses(buffers)
        for position in undefined:
            # What an output holds from an earlier run may be right: a kernel that stores nothing would pass.
            if buffers[position].flags.c_contiguous:
                poison(buffers[position])
        super().run(entry, buffers, undefined)

    @abstractmethod
    def kernel(self, op: Operation) -> Launch:
        """What runs a `gpu.func`; asked for once for each launch in the text."""

    def run_watched(
        self,
        entry: str,
        buffers: Sequence[Array],
        undefined: Collection[int],
        variables: Mapping[str, Array],
        progress: Progress,
    ) -> None:
        """`run`, which tells `progress` of each of these variables that it changes, and may be ended by it."""
        self._watch.progress, self._watch.variables = progress, variables
        try:
            self.run(entry, buffers, undefined)
        finally:
            self._watch.progress, self._watch.variables = None, {}

    def poll(self) -> None:
        """Ends the run here if there was a signal, and it may stop."""
        if self._watch.progress is not None:
            self._watch.progress.poll()

    def arguments(self, function: Operation, buffers: Sequence[Array]) -> Sequence[Memory]:
        """The arrays as memory of the devices that the function says."""
        devices = argument_devices(function)
        return [
            memory if device == HOST else DeviceMemory(memory.data, device=device)
            for memory, device in zip(super().arguments(function, buffers), devices, strict=True)
        ]

    def _written_by(self, op: Operation) -> Sequence[int]:
        """The operands of a launch that its kernel writes to."""
        first = sum(map(len, segments(op)[:11]))
        return [first + at for at in stored_arguments(self._lookup(op).regions[0].block)]

    def _call(self, compiler: Compiler, op: Operation) -> Step:
        assert isinstance(op, func.CallOp)
        native = self._native.get(op.callee.string_value())
        return super()._call(compiler, op) if native is None else native.step(op, compiler.slots(op.operands))

    def _launch_func(self, compiler: Compiler, op: Operation) -> Step:
        groups = segments(op)
        sizes, arguments = [compiler.slots(group) for group in groups[1:7]], compiler.slots(groups[11])
        kernel = self._lookup(op)
        run, written = self.kernel(kernel), stored_arguments(kernel.regions[0].block)

        def launch(environment: Environment) -> None:
            gx, gy, gz, bx, by, bz = (int(environment[size]) for (size,) in sizes)
            grid, block = (gx, gy, gz), (bx, by, bz)
            if min(*grid, *block) < 1 or bx * by * bz > MAX_THREADS:
                raise ExecutionError(op, f"cannot launch a grid of {grid} with blocks of {block} threads")
            given = [environment[slot] for slot in arguments]
            for number, value in enumerate(given):
                check_argument(op, number, value, is_written=number in written)
            check_one_device(op, given)
            run(op, grid, block, given)

        return launch

    def _lookup(self, op: Operation) -> Operation:
        symbol = op.properties["kernel"]
        assert isinstance(symbol, SymbolRefAttr)
        module = self._kernel_modules.get(symbol.root_reference.data)
        leaf = [name.data for name in symbol.nested_references]
        for candidate in module.regions[0].block.ops if module is not None else ():
            if candidate.name == "gpu.func" and [symbol_of(candidate)] == leaf:
                return candidate
        raise ExecutionError(op, f"there is no kernel {symbol}")


def check_argument(op: Operation, number: int, value: object, is_written: bool) -> None:
    """Raises ExecutionError for memory that a kernel cannot have as an argument, or not as one that it writes to."""
    if isinstance(value, Memory) and not isinstance(value, DeviceMemory):
        raise ExecutionError(
            op, f"argument {number} is memory of the host: copy it to a device with gpu.memcpy first"
        )
    if is_written and isinstance(value, Memory) and not value.data.flags.writeable:
        raise ExecutionError(op, f"writes to argument {number}, which is constant memory")


def check_one_device(op: Operation, arguments: Sequence[object]) -> None:
    """Raises ExecutionError where a kernel is given memory of several devices: it runs on one."""
    devices = {value.device: at for at, value in enumerate(arguments) if isinstance(value, DeviceMemory)}
    if len(devices) > 1:
        (first, at), (second, beside), *_ = devices.items()
        raise ExecutionError(
            op,
            f"argument {at} is memory of {first}, and argument {beside} of {second}: a kernel runs on one device; "
            "copy one of them with gpu.memcpy first",
        )


def stored_arguments(block: Block) -> list[int]:
    """The positions of the arguments that the kernel writes to."""
    stored = (op.operands[1] for op in block.walk() if op.name in STORES)
    return sorted({value.index for value in stored if isinstance(value, BlockArgument)})
