"""Runs `gpu` ops inside a kernel: coordinates, barriers, shuffles; and divisions, which idle lanes do not trap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from xdsl.dialects.gpu import DimensionAttr
from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.integer_meanings import DIVISIONS
from pullback.backends.interpreter.numpy_dtypes import Value
from pullback.backends.interpreter.scalar_meanings import meaning
from pullback.backends.simt.batch import MOST_BARRIERS, WARP, Array, Batch
from pullback.dialects.upstream.gpu import ShuffleModeAttr


def _coordinate(read: Callable[[Batch, int], Value]) -> StepBuilder:
    def build(compiler: Compiler, op: Operation) -> Step:
        dimension = op.properties["dimension"]
        assert isinstance(dimension, DimensionAttr)
        axis, result = "xyz".index(str(dimension.data)), compiler.slot(op.results[0])

        def run(batch: Environment) -> None:
            assert isinstance(batch, Batch)
            batch[result] = read(batch, axis)

        return run

    return build


def _barrier(compiler: Compiler, op: Operation) -> Step:
    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        mask = np.ones(batch.size, np.bool_) if batch.mask is None else batch.mask
        waiting: Array = mask.reshape(batch.blocks, batch.threads)
        arrived = np.logical_and.reduce(waiting, axis=1)
        divergent = np.flatnonzero(waiting.any(axis=1) & ~arrived)
        if divergent.size:
            count = int(waiting[divergent[0]].sum())
            here = batch.lane_name(int(np.flatnonzero(batch.row[batch.active] == divergent[0])[0]))
            raise ExecutionError(
                op, f"divergent barrier: only {count} of {batch.threads} lanes reach it, {here} among them"
            )
        if batch.barriers >= MOST_BARRIERS:
            raise ExecutionError(
                op, f"a block passes more than {MOST_BARRIERS} barriers, as many as the emulator counts"
            )
        batch.pass_barrier(arrived)

    return run


def _source_lane(mode: str, lane: Array, offset: Value, width: Value) -> tuple[Array, Array]:
    """The lane of the warp to read from, and whether it lies within the lane's group of `width`."""
    group = lane & ~(width - 1)
    match mode:
        case "xor":
            source = lane ^ offset
            return source, source < group + width
        case "up":
            return lane - offset, lane - offset >= group
        case "down":
            return lane + offset, lane + offset < group + width
        case _:
            return group | (offset & (width - 1)), np.ones(lane.shape, np.bool_)


def _shuffle(compiler: Compiler, op: Operation) -> Step:
    mode = op.properties["mode"]
    assert isinstance(mode, ShuffleModeAttr)
    value_slot, offset_slot, width_slot = compiler.slots(op.operands)
    result, valid_slot = compiler.slots(op.results)

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        _check_whole_warps(op, batch)
        lane = batch.thread % WARP
        source, valid = _source_lane(str(mode.data), lane, batch[offset_slot], batch[width_slot])
        source = np.where(valid, source, lane)
        absent = np.flatnonzero((batch.thread - lane + source >= batch.threads)[batch.active])
        if absent.size:
            raise ExecutionError(
                op, f"{batch.lane_name(int(absent[0]))} reads a lane that its block does not have"
            )
        here = np.arange(batch.size)
        batch[result] = batch.lanes(batch[value_slot])[np.minimum(here - lane + source, batch.size - 1)]
        batch[valid_slot] = valid

    return run


def _check_whole_warps(op: Operation, batch: Batch) -> None:
    if batch.mask is None:
        return
    warps_per_block = -(-batch.threads // WARP)
    warp = batch.row * warps_per_block + batch.thread // WARP
    present = np.bincount(warp)
    running = np.bincount(warp[batch.active], minlength=present.size)
    if ((running > 0) & (running < present)).any():
        raise ExecutionError(op, "divergent shuffle: only a part of a warp reaches it")


def _division(compiler: Compiler, op: Operation) -> Step:
    function = meaning(op)
    (a, b), result = compiler.slots(op.operands), compiler.slot(op.results[0])

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        divisor = batch[b]
        is_zero = batch.running(divisor) == 0
        zero = np.flatnonzero(is_zero if is_zero.ndim == 1 else is_zero.any(axis=1))
        if zero.size:
            raise ExecutionError(op, f"{batch.lane_name(int(zero[0]))} divides by zero")
        batch[result] = function(batch[a], divisor)

    return run


THREADS: dict[str, StepBuilder] = {
    "gpu.block_id": _coordinate(lambda batch, axis: batch.block_id[axis]),
    "gpu.thread_id": _coordinate(lambda batch, axis: batch.thread_id[axis]),
    "gpu.block_dim": _coordinate(lambda batch, axis: np.int64(batch.block[axis])),
    "gpu.grid_dim": _coordinate(lambda batch, axis: np.int64(batch.grid[axis])),
    "gpu.barrier": _barrier,
    "gpu.shuffle": _shuffle,
    **dict.fromkeys(DIVISIONS, _division),
}
