"""Runs the host function of level `gpu` on NumPy arrays, and hands each launch to what runs the kernel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.ir import Block, BlockArgument, Operation

from pullback.backends.host_program.watching import Watch
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, segments
from pullback.backends.interpreter.execution_error import ExecutionError, symbol_of
from pullback.backends.interpreter.interpreter import LoopProgram
from pullback.backends.interpreter.run_memory import Array
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
    """The loop interpreter for host code, with `gpu.launch_func` given to `kernel`."""

    def __init__(self, module: ModuleOp) -> None:
        self._watch = Watch({symbol_of(op): op for op in module.ops})
        launch = self._watch.watched(self._launch_func, lambda op: self._written_by(op))
        super().__init__(module, {**self._watch.builders(self._call), "gpu.launch_func": launch})
        self._kernel_modules = {symbol_of(op): op for op in module.ops if op.name == "gpu.module"}

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

    def _written_by(self, op: Operation) -> Sequence[int]:
        """The operands of a launch that its kernel writes to."""
        first = sum(map(len, segments(op)[:11]))
        return [first + at for at in stored_arguments(self._lookup(op).regions[0].block)]

    def _launch_func(self, compiler: Compiler, op: Operation) -> Step:
        groups = segments(op)
        sizes, arguments = [compiler.slots(group) for group in groups[1:7]], compiler.slots(groups[11])
        run = self.kernel(self._lookup(op))

        def launch(environment: Environment) -> None:
            gx, gy, gz, bx, by, bz = (int(environment[size]) for (size,) in sizes)
            grid, block = (gx, gy, gz), (bx, by, bz)
            if min(*grid, *block) < 1 or bx * by * bz > MAX_THREADS:
                raise ExecutionError(op, f"cannot launch a grid of {grid} with blocks of {block} threads")
            run(op, grid, block, [environment[slot] for slot in arguments])

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


def stored_arguments(block: Block) -> list[int]:
    """The positions of the arguments that the kernel writes to."""
    stored = (op.operands[1] for op in block.walk() if op.name in STORES)
    return sorted({value.index for value in stored if isinstance(value, BlockArgument)})
