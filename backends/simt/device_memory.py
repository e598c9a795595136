"""Global and shared memory of many lanes: every access is checked for bounds, and for races if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.ir import Attribute, Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import Value, dtype_of
from pullback.backends.interpreter.run_memory import Memory, static_shape
from pullback.backends.simt.batch import Array, Batch
from pullback.backends.simt.races import RaceDetector


@dataclass
class LaneMemory:
    """A memref in a kernel. Shared memory has one copy per block of the batch, laid one after the other."""

    data: Array
    shape: tuple[int, ...]
    written: Array | None = None
    races: RaceDetector | None = None
    per_block: bool = False

    @staticmethod
    def of_argument(label: str, memory: Memory, watched: bool) -> LaneMemory:
        """Global memory; `watched` for races if the kernel writes to it."""
        flat = memory.flat()
        races = RaceDetector(label, flat.data.size, flat.data.size) if watched else None
        return LaneMemory(flat.data, memory.data.shape, flat.written, races)

    @staticmethod
    def of_shared(label: str, type_: Attribute, blocks: int, watched: bool) -> LaneMemory:
        """Shared memory, whose contents are undefined at first."""
        shape = static_shape(type_)
        size = prod(shape)
        races = RaceDetector(label, blocks * size, size) if watched else None
        return LaneMemory(np.zeros(blocks * size, dtype_of(type_)), shape, None, races, per_block=True)

    def positions(self, op: Operation, batch: Batch, index: Sequence[Value]) -> Value:
        """The positions in `data` of the running lanes: an array over them, or one number if all are the same."""
        position: Value = np.int64(0)
        for dimension, (i, extent) in enumerate(zip(index, self.shape, strict=True)):
            if np.ndim(i):
                i = i[batch.active]
            outside = (i < 0) | (i >= extent)
            if outside.any():
                lane = int(np.flatnonzero(outside)[0])
                number = i[lane] if np.ndim(i) else i
                raise ExecutionError(
                    op,
                    f"{batch.lane_name(lane)} uses index {number}, "
                    f"out of bounds for dimension {dimension} of size {extent}",
                )
            position = position * extent + i
        if self.per_block:
            position = position + batch.row[batch.active] * prod(self.shape)
        return position

    def load(self, op: Operation, batch: Batch, index: Sequence[Value]) -> Value:
        positions = self.positions(op, batch, index)
        if self.races is not None:
            touched = self._touched(batch, positions)
            if self.per_block:
                self.races.require_written(op, batch, touched)
            self.races.read(op, batch, touched)
        if self.written is not None and not self.written[positions].all():
            raise ExecutionError(op, "reads memory that was never written")
        loaded = self.data[positions]
        if batch.mask is None or not np.ndim(positions):
            return loaded
        result: Array = np.zeros(batch.size, self.data.dtype)
        result[batch.active] = loaded
        return result

    def store(self, op: Operation, batch: Batch, index: Sequence[Value], value: Value) -> None:
        positions = self._touched(batch, self.positions(op, batch, index))
        if self.races is not None:
            self.races.write(op, batch, positions)
        self.data[positions] = value[batch.active] if np.ndim(value) else value
        if self.written is not None:
            self.written[positions] = True

    @staticmethod
    def _touched(batch: Batch, positions: Value) -> Array:
        return positions if np.ndim(positions) else batch.running(positions)


def _load(compiler: Compiler, op: Operation) -> Step:
    source, *indices = compiler.slots(op.operands)
    result = compiler.slot(op.results[0])

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        batch[result] = batch[source].load(op, batch, [batch[i] for i in indices])

    return run


def _store(compiler: Compiler, op: Operation) -> Step:
    value, destination, *indices = compiler.slots(op.operands)

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        batch[destination].store(op, batch, [batch[i] for i in indices], batch[value])

    return run


LANE_MEMORY: dict[str, StepBuilder] = {"memref.load": _load, "memref.store": _store}
