"""The SIMT emulator: runs a module of level `gpu` on NumPy arrays, no GPU needed.

All lanes of a batch of blocks take each op together as one NumPy call. The emulator is stricter than a
device: it raises `ExecutionError` for a data race in shared or global memory (a missing barrier shows as
one), for barriers and shuffles that only some lanes reach, and for accesses out of bounds, and it names
kernel, op and lanes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.ir import Operation

from pullback.backends.host_program.host_program import Extent, HostProgram, Launch, stored_arguments
from pullback.backends.host_program.launch_checks import check_block_size, check_overlap
from pullback.backends.interpreter.compiled_blocks import (
    CompiledBlock,
    Compiler,
    Environment,
    Step,
    StepBuilder,
    computation,
)
from pullback.backends.interpreter.execution_error import ExecutionError, symbol_of
from pullback.backends.interpreter.interpreter import global_memory
from pullback.backends.interpreter.run_memory import Memory
from pullback.backends.interpreter.scalar_meanings import MEANINGS
from pullback.backends.simt.batch import Array, Batch
from pullback.backends.simt.device_memory import LANE_MEMORY, LaneMemory
from pullback.backends.simt.lane_registers import LANE_REGISTERS
from pullback.backends.simt.lane_vectors import LANE_VECTORS
from pullback.backends.simt.masked_control_flow import LANE_CONTROL
from pullback.backends.simt.threads import THREADS
from pullback.dialects.upstream.gpu import is_shared

LANES_PER_BATCH = 1 << 16
"""Enough lanes to amortise Python's cost per op, few enough for the arrays to stay in cache."""


def run(
    module: ModuleOp,
    buffers: Sequence[Array],
    entry: str = "main",
    check_races: bool = True,
    *,
    undefined: Collection[int] = (),
) -> None:
    """Run the host function `entry` on `buffers`, one NumPy array per argument, in place.

    `undefined` names, by position, the buffers whose contents mean nothing on entry.
    Raises what `interpret` raises; `ExecutionError` covers kernels too. Bounds are always checked,
    races only if asked.
    """
    Emulator(module, check_races).run(entry, buffers, undefined)


class Emulator(HostProgram):
    """A program whose kernels run on lanes."""

    def __init__(self, module: ModuleOp, check_races: bool = True) -> None:
        super().__init__(module)
        self.check_races = check_races

    def kernel(self, op: Operation) -> Launch:
        return EmulatedKernel(op, self).launch


class EmulatedKernel:
    """A `gpu.func`, compiled for lanes."""

    def __init__(self, op: Operation, program: Emulator) -> None:
        self._kernel, self.name, self._program = op, symbol_of(op), program
        module = op.parent_op()
        assert module is not None
        self._globals = {symbol_of(g): g for g in module.regions[0].block.ops if g.name == "memref.global"}
        block = op.regions[0].block
        self._labels = [f"%{argument.name_hint or argument.index}" for argument in block.args]
        self._stored = stored_arguments(block)
        compiler = Compiler(_BUILDERS | {"memref.get_global": self._get_global})
        self._body: CompiledBlock = compiler.block(block)
        self._slots = compiler.size

    def launch(self, op: Operation, grid: Extent, block: Extent, arguments: Sequence[object]) -> None:
        """Run the whole grid; `op` is the launch, for messages."""
        threads = block[0] * block[1] * block[2]
        check_block_size(op, self._kernel, block)
        check_overlap(op, self._kernel, arguments)
        try:
            values = [self._argument(*numbered) for numbered in enumerate(arguments)]
        except ValueError as error:
            raise ExecutionError(op, f"an argument of @{self.name} is a view of which {error}") from None
        blocks, step = grid[0] * grid[1] * grid[2], max(1, LANES_PER_BATCH // threads)
        for first in range(0, blocks, step):
            batch = Batch(self._slots, grid, block, first, min(step, blocks - first))
            self._body.run(batch, values)

    def _argument(self, position: int, value: object) -> object:
        if not isinstance(value, Memory):
            return value
        watched = self._program.check_races and position in self._stored
        misaligned = self._program.addresses.misaligned(value.data)
        return LaneMemory.of_argument(self._labels[position], value, watched, misaligned)

    def _get_global(self, compiler: Compiler, op: Operation) -> Step:
        symbol = op.properties["name"]
        assert isinstance(symbol, SymbolRefAttr)
        name, result, type_ = symbol.string_value(), compiler.slot(op.results[0]), op.results[0].type
        if name not in self._globals:
            raise ExecutionError(op, f"the gpu.module has no memref.global @{name}")
        if not is_shared(type_):
            memory = LaneMemory.of_argument(f"@{name}", global_memory(self._globals[name]), watched=False)
            return lambda batch: batch.__setitem__(result, memory)

        def shared(batch: Environment) -> None:
            assert isinstance(batch, Batch)
            if name not in batch.shared:
                label = f"shared memory @{name}"
                batch.shared[name] = LaneMemory.of_shared(
                    label, type_, batch.blocks, self._program.check_races
                )
            batch[result] = batch.shared[name]

        return shared


_BUILDERS: dict[str, StepBuilder] = {
    **{name: computation(meaning) for name, meaning in MEANINGS.items()},
    **LANE_CONTROL,
    **LANE_MEMORY,
    **LANE_REGISTERS,
    **LANE_VECTORS,
    **THREADS,
}
