"""Runs `memref` ops on NumPy arrays: every access is checked for bounds, every read for initialised memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder, segments
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import DType, Value, dtype_of

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(slots=True)
class Memory:
    """A memref's value: a view of some buffer.

    `written`, where this is tracked, marks the bytes that hold a value: the shape of `data` and a last axis
    of the bytes of an element.
    """

    data: Array
    written: Array | None = None

    @classmethod
    def undefined(cls, shape: Sequence[int], dtype: DType) -> Self:
        """Fresh memory that holds nothing yet."""
        return cls(np.empty(shape, dtype), np.zeros((*shape, dtype.itemsize), np.bool_))

    def part(self, data: Array, written: Array | None) -> Self:
        """A view of this memory, which is where it is."""
        return type(self)(data, written)

    def __getitem__(self, index: Any) -> Self:
        """The part that a basic index (numbers and slices) selects."""
        return self.part(self.data[index], None if self.written is None else self.written[index])

    def flat(self) -> Self:
        """All elements in order; ValueError if they do not lie side by side."""
        if not self.data.flags.c_contiguous:
            raise ValueError("the elements do not lie side by side")
        written = None if self.written is None else self.written.reshape(-1, self.data.itemsize)
        return self.part(self.data.reshape(-1), written)

    def read(self, op: Operation, index: Any) -> Value:
        """The elements at an index that is known to be in bounds."""
        if self.written is not None and not self.written[index].all():
            raise ExecutionError(op, "reads memory that was never written")
        return self.data[index]

    def write(self, op: Operation, index: Any, value: Value) -> None:
        """Store at an index that is known to be in bounds."""
        if not self.data.flags.writeable:
            raise ExecutionError(op, "writes to constant memory")
        self.data[index] = value
        if self.written is not None:
            self.written[index] = True

    def copy_to(self, op: Operation, destination: Memory) -> None:
        """Copies all elements to memory of the same shape; what holds no value here holds none there."""
        if self.data.shape != destination.data.shape:
            raise ExecutionError(op, f"copies {self.data.shape} to {destination.data.shape}")
        destination.write(op, ..., self.data)
        if destination.written is not None and self.written is not None:
            destination.written[...] = self.written

    def free(self, op: Operation) -> None:
        """Makes its contents undefined: whoever reads it from now on, through whatever view, is told."""
        if self.written is not None:
            self.written[...] = False


def static_shape(type_: Attribute, dynamic: Sequence[int] = ()) -> tuple[int, ...]:
    """The extents of a memref type, with its `?` filled in from `dynamic`."""
    assert isinstance(type_, MemRefType)
    rest = iter(dynamic)
    return tuple(next(rest) if n == DYNAMIC_INDEX else n for n in type_.get_shape())


def fits(shape: Sequence[int], type_: Attribute) -> bool:
    """Tells whether an array of this shape fits a memref of this type."""
    assert isinstance(type_, MemRefType)
    expected = type_.get_shape()
    return len(shape) == len(expected) and all(
        n in (extent, DYNAMIC_INDEX) for extent, n in zip(shape, expected, strict=True)
    )


def check_bounds(op: Operation, index: Sequence[int], shape: Sequence[int]) -> None:
    """Raise ExecutionError unless `index` names an element of an array of this shape."""
    for i, extent in zip(index, shape, strict=True):
        if not 0 <= int(i) < extent:  # Python's numbers compare faster than NumPy's
            dimension = next(d for d, n in enumerate(shape) if not 0 <= index[d] < n)
            raise ExecutionError(op, f"index {i} is out of bounds for dimension {dimension} of size {extent}")


def _load(compiler: Compiler, op: Operation) -> Step:
    source, *indices = compiler.slots(op.operands)
    result = compiler.slot(op.results[0])

    def run(environment: Environment) -> None:
        memory: Memory = environment[source]
        index = tuple([environment[i] for i in indices])
        check_bounds(op, index, memory.data.shape)
        environment[result] = memory.read(op, index)

    return run


def _store(compiler: Compiler, op: Operation) -> Step:
    value, destination, *indices = compiler.slots(op.operands)

    def run(environment: Environment) -> None:
        memory: Memory = environment[destination]
        index = tuple([environment[i] for i in indices])
        check_bounds(op, index, memory.data.shape)
        memory.write(op, index, environment[value])

    return run


def allocation(
    make: Callable[[Sequence[int], DType], Memory],
    sizes: Sequence[SSAValue],
    compiler: Compiler,
    op: Operation,
) -> Step:
    """The step that makes memory for a shape and an element type, with these sizes for the `?` of its type."""
    slots, result = compiler.slots(sizes), compiler.slot(op.results[0])
    type_, dtype = op.results[0].type, dtype_of(op.results[0].type)

    def run(environment: Environment) -> None:
        shape = static_shape(type_, [int(environment[slot]) for slot in slots])
        if any(extent < 0 for extent in shape):
            raise ExecutionError(op, f"cannot allocate a negative extent: {shape}")
        environment[result] = make(shape, dtype)

    return run


def _alloc(compiler: Compiler, op: Operation) -> Step:
    return allocation(Memory.undefined, segments(op)[0], compiler, op)


def _dealloc(compiler: Compiler, op: Operation) -> Step:
    slot = compiler.slot(op.operands[0])
    return lambda environment: environment[slot].free(op)


def _copy(compiler: Compiler, op: Operation) -> Step:
    source, destination = compiler.slots(op.operands)
    return lambda environment: environment[source].copy_to(op, environment[destination])


def _dim(compiler: Compiler, op: Operation) -> Step:
    source, dimension = compiler.slots(op.operands)
    result = compiler.slot(op.results[0])

    def run(environment: Environment) -> None:
        environment[result] = np.int64(environment[source].data.shape[environment[dimension]])

    return run


def _prefetch(compiler: Compiler, op: Operation) -> Step:
    return lambda environment: None


MEMORY: dict[str, StepBuilder] = {
    "memref.load": _load,
    "memref.store": _store,
    "memref.alloc": _alloc,
    "memref.alloca": _alloc,
    "memref.dealloc": _dealloc,
    "memref.copy": _copy,
    "memref.dim": _dim,
    "memref.prefetch": _prefetch,
}
