"""Local arrays of many lanes (`memref.alloca`): each lane has its own, indexed by numbers that all lanes share.

A GPU keeps such an array in registers where all indices are constants once loops are unrolled. An index that differs
between lanes would move it to memory, so that is an error here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import Value
from pullback.backends.interpreter.run_memory import static_shape
from pullback.backends.simt.batch import Array, Batch


@dataclass
class LaneRegisters:
    """A local array: for each of its elements the value in every lane, and which lanes have written it."""

    size: int
    cells: dict[int, tuple[Value, Array | None]] = field(default_factory=dict)

    def load(self, op: Operation, batch: Batch, index: Sequence[Value], count: int | None = None) -> Value:
        """An element."""
        number = self._number(op, index, count)
        value, written = self.cells.get(number, (None, None))
        if value is None or (written is not None and not written[batch.active].all()):
            raise ExecutionError(op, f"reads element {number} of a local array, which was never written")
        return value

    def store(
        self, op: Operation, batch: Batch, index: Sequence[Value], value: Value, count: int | None = None
    ) -> None:
        """An element."""
        number, mask = self._number(op, index, count), batch.mask
        before, written = self.cells.get(number, (None, None))
        if mask is None:
            self.cells[number] = value, None
        elif before is None:
            self.cells[number] = value, mask
        else:
            self.cells[number] = np.where(mask, value, before), None if written is None else written | mask

    def _number(self, op: Operation, index: Sequence[Value], count: int | None) -> int:
        (number,) = index
        if count is not None:
            raise ExecutionError(op, "accesses elements of a local array as a vector")
        if np.ndim(number):
            raise ExecutionError(
                op, "the index of a local array differs between lanes: it has no place in registers"
            )
        if not 0 <= number < self.size:
            raise ExecutionError(
                op, f"uses index {number}, out of bounds for a local array of {self.size} elements"
            )
        return int(number)


def _alloca(compiler: Compiler, op: Operation) -> Step:
    result = compiler.slot(op.results[0])
    (size,) = static_shape(op.results[0].type)

    def run(batch: Environment) -> None:
        batch[result] = LaneRegisters(size)

    return run


LANE_REGISTERS: dict[str, StepBuilder] = {"memref.alloca": _alloca}
