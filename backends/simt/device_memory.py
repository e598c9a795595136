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
from pullback.backends.simt.lane_vectors import column, elements_of
from pullback.backends.simt.races import RaceDetector


@dataclass
class LaneMemory:
    """A memref in a kernel. Shared memory has one copy per block of the batch, laid one after the other."""

    data: Array
    shape: tuple[int, ...]
    written: Array | None = None
    races: RaceDetector | None = None
    per_block: bool = False
    misaligned: int = 0
    """The bytes from an address that devices align memory to."""

    @staticmethod
    def of_argument(label: str, memory: Memory, watched: bool, misaligned: int = 0) -> LaneMemory:
        """Global memory; `watched` for races if the kernel writes to it."""
        flat = memory.flat()
        races = RaceDetector(label, flat.data.size, flat.data.size) if watched else None
        return LaneMemory(flat.data, memory.data.shape, flat.written, races, misaligned=misaligned)

    @staticmethod
    def of_shared(label: str, type_: Attribute, blocks: int, watched: bool) -> LaneMemory:
        """Shared memory, whose contents are undefined at first."""
        shape = static_shape(type_)
        size = prod(shape)
        races = RaceDetector(label, blocks * size, size) if watched else None
        return LaneMemory(np.zeros(blocks * size, dtype_of(type_)), shape, None, races, per_block=True)

    def positions(self, op: Operation, batch: Batch, index: Sequence[Value], count: int = 1) -> Value:
        """The positions in `data` of the running lanes: an array over them, or one number if all are the same.

        They are those of the first of `count` elements, which must all be there, and which is a multiple of `count`.
        """
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
        if count > 1:
            self._check_vector(op, batch, index, position, count)
        if self.per_block:
            position = position + batch.row[batch.active] * prod(self.shape)
        return position

    def _check_vector(
        self, op: Operation, batch: Batch, index: Sequence[Value], position: Value, count: int
    ) -> None:
        """Checks that a vector is aligned, and that its last element is in bounds."""
        size = self.data.itemsize
        wrong = np.flatnonzero((position * size + self.misaligned) % (count * size))
        if wrong.size:
            first = position[wrong[0]] if np.ndim(position) else position
            away = f", {self.misaligned} bytes from an aligned address" if self.misaligned else ""
            raise ExecutionError(
                op,
                f"{batch.lane_name(int(wrong[0]))} accesses {count} elements from element {first} on{away}, "
                f"which is no multiple of {count}",
            )
        self.positions(op, batch, [*index[:-1], index[-1] + (count - 1)])

    def load(self, op: Operation, batch: Batch, index: Sequence[Value], count: int | None = None) -> Value:
        """An element, or a vector of `count` of them."""
        first = self.positions(op, batch, index, count or 1)
        for positions in (first + element for element in range(count or 1)):
            if self.races is not None:
                touched = self._touched(batch, positions)
                if self.per_block:
                    self.races.require_written(op, batch, touched)
                self.races.read(op, batch, touched)
            if self.written is not None and not self.written[positions].all():
                raise ExecutionError(op, "reads memory that was never written")
        wanted = first if count is None else np.reshape(first, (-1, 1)) + np.arange(count)
        loaded = self.data[wanted]
        if batch.mask is None or not np.ndim(first):
            return loaded
        result: Array = np.zeros((batch.size, *loaded.shape[1:]), self.data.dtype)
        result[batch.active] = loaded
        return result

    def store(
        self, op: Operation, batch: Batch, index: Sequence[Value], value: Value, count: int | None = None
    ) -> None:
        """An element, or a vector of `count` of them."""
        first = self._touched(batch, self.positions(op, batch, index, count or 1))
        for element in range(count or 1):
            stored = value if count is None else column(value, element)
            positions = first + element
            if self.races is not None:
                self.races.write(op, batch, positions)
            self.data[positions] = stored[batch.active] if np.ndim(stored) else stored
            if self.written is not None:
                self.written[positions] = True

    @staticmethod
    def _touched(batch: Batch, positions: Value) -> Array:
        return positions if np.ndim(positions) else batch.running(positions)


def _load(compiler: Compiler, op: Operation) -> Step:
    source, *indices = compiler.slots(op.operands)
    result, count = compiler.slot(op.results[0]), _count(op, op.results[0].type)

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        batch[result] = batch[source].load(op, batch, [batch[i] for i in indices], count)

    return run


def _store(compiler: Compiler, op: Operation) -> Step:
    value, destination, *indices = compiler.slots(op.operands)
    count = _count(op, op.operands[0].type)

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        batch[destination].store(op, batch, [batch[i] for i in indices], batch[value], count)

    return run


def _count(op: Operation, type_: Attribute) -> int | None:
    """The elements that are accessed at once; None for a scalar."""
    return elements_of(type_, op) if op.name.startswith("vector.") else None


LANE_MEMORY: dict[str, StepBuilder] = {
    "memref.load": _load,
    "memref.store": _store,
    "vector.load": _load,
    "vector.store": _store,
}
