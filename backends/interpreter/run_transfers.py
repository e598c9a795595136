"""Runs `vector` ops between memory and registers: loads, stores, masked ones, gathers and scatters.

A lane that its mask switches off touches nothing, so it may point out of bounds; every other lane is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import vector
from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import Value
from pullback.backends.interpreter.run_memory import Array, Memory, check_bounds
from pullback.backends.interpreter.run_vectors import vector_shape
from pullback.dialects.upstream.transfers import transferred_dims


def _window(
    op: Operation, memory: Memory, index: Sequence[int], shape: Sequence[int]
) -> tuple[int | slice, ...]:
    """The index of a vector of `shape`, laid along the last dimensions, that begins at `index`."""
    extents, window = memory.data.shape, list[int | slice](map(int, index))
    lead = len(extents) - len(shape)
    if lead:
        check_bounds(op, index[:lead], extents[:lead])
    for axis, size in enumerate(shape, lead):
        start, extent = int(index[axis]), extents[axis]
        if not 0 <= start <= extent - size:
            raise ExecutionError(op, f"lanes {start} to {start + size} are not within an extent of {extent}")
        window[axis] = slice(start, start + size)
    return tuple(window)


def _load(compiler: Compiler, op: Operation) -> Step:
    source, *indices = compiler.slots(op.operands)
    result, shape = compiler.slot(op.results[0]), vector_shape(op.results[0].type)

    def run(environment: Environment) -> None:
        memory: Memory = environment[source]
        window = _window(op, memory, [environment[i] for i in indices], shape)
        environment[result] = memory.read(op, window).copy()

    return run


def _store(compiler: Compiler, op: Operation) -> Step:
    value, destination, *indices = compiler.slots(op.operands)
    shape = vector_shape(op.operands[0].type)

    def run(environment: Environment) -> None:
        memory: Memory = environment[destination]
        window = _window(op, memory, [environment[i] for i in indices], shape)
        memory.write(op, window, environment[value])

    return run


def _dims(op: vector.TransferReadOp | vector.TransferWriteOp) -> list[int]:
    try:
        return transferred_dims(op)
    except ValueError as error:
        raise ExecutionError(op, str(error)) from None


def _turned(memory: Memory, index: Sequence[int], dims: Sequence[int]) -> tuple[Memory, Sequence[int]]:
    """Memory whose last dimensions are those that a vector lies along, and the index there."""
    order = [*(d for d in range(memory.data.ndim) if d not in dims), *dims]
    written = memory.written
    if written is not None:
        written = written.transpose(*order, memory.data.ndim)
    return memory.part(memory.data.transpose(order), written), [index[d] for d in order]


def _transfer_read(compiler: Compiler, op: Operation) -> Step:
    assert isinstance(op, vector.TransferReadOp)
    source, *indices, _ = compiler.slots(op.operands)
    result, shape, dims = compiler.slot(op.result), vector_shape(op.result.type), _dims(op)

    def run(environment: Environment) -> None:
        memory, index = _turned(environment[source], [environment[i] for i in indices], dims)
        environment[result] = memory.read(op, _window(op, memory, index, shape)).copy()

    return run


def _transfer_write(compiler: Compiler, op: Operation) -> Step:
    assert isinstance(op, vector.TransferWriteOp)
    value, destination, *indices = compiler.slots(op.operands)
    shape, dims = vector_shape(op.vector.type), _dims(op)

    def run(environment: Environment) -> None:
        memory, index = _turned(environment[destination], [environment[i] for i in indices], dims)
        memory.write(op, _window(op, memory, index, shape), environment[value])

    return run


def _neighbours(op: Operation, where: Sequence[Any], lanes: Array) -> tuple[Memory, Array]:
    """The row of memory of a masked access, and the positions of its active lanes there."""
    memory, *lead, start = where
    check_bounds(op, lead, memory.data.shape[:-1])
    row = memory[tuple(lead)]
    positions = start + np.flatnonzero(lanes)
    _check_positions(op, positions, row)
    return row, positions


def _check_positions(op: Operation, positions: Array, row: Memory) -> None:
    outside = (positions < 0) | (positions >= row.data.size)
    if outside.any():
        raise ExecutionError(
            op, f"an active lane touches element {positions[outside][0]}, out of bounds of {row.data.size}"
        )


def _anywhere(op: Operation, where: Sequence[Any], lanes: Array) -> tuple[Memory, Array]:
    """The memory, flattened, and the positions of the active lanes: their offsets after an index."""
    memory, *index, offsets = where
    check_bounds(op, index, memory.data.shape)
    try:
        row = memory.flat()
    except ValueError as error:
        raise ExecutionError(op, str(error)) from None
    positions = np.ravel_multi_index(tuple(index), memory.data.shape) + offsets[lanes].astype(np.int64)
    _check_positions(op, positions, row)
    return row, positions


Active: TypeAlias = Callable[[Operation, Sequence[Any], Array], tuple[Memory, Array]]
"""A function from the address operands and the mask to a row of memory, and the positions of active lanes in it."""


def _masked_load(active: Active) -> StepBuilder:
    def build(compiler: Compiler, op: Operation) -> Step:
        *where, mask, pass_through = compiler.slots(op.operands)
        result = compiler.slot(op.results[0])

        def run(environment: Environment) -> None:
            lanes: Value = environment[mask]
            loaded: Value = environment[pass_through].copy()
            if lanes.any():
                row, positions = active(op, [environment[slot] for slot in where], lanes)
                loaded[lanes] = row.read(op, positions)
            environment[result] = loaded

        return run

    return build


def _masked_store(active: Active) -> StepBuilder:
    """A builder of masked stores and scatters; of two lanes at one position the higher wins, as upstream has it."""

    def build(compiler: Compiler, op: Operation) -> Step:
        *where, mask, value = compiler.slots(op.operands)

        def run(environment: Environment) -> None:
            lanes: Value = environment[mask]
            if lanes.any():
                row, positions = active(op, [environment[slot] for slot in where], lanes)
                row.write(op, positions, environment[value][lanes])

        return run

    return build


TRANSFERS: dict[str, StepBuilder] = {
    "vector.load": _load,
    "vector.store": _store,
    "vector.transfer_read": _transfer_read,
    "vector.transfer_write": _transfer_write,
    "vector.maskedload": _masked_load(_neighbours),
    "vector.maskedstore": _masked_store(_neighbours),
    "vector.gather": _masked_load(_anywhere),
    "vector.scatter": _masked_store(_anywhere),
}
