"""Runs `scf` on many lanes under masks: a branch for the lanes that take it, a loop until its last lane is done."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import (
    CompiledBlock,
    Compiler,
    Environment,
    Step,
    StepBuilder,
)
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import Value, dtype_of
from pullback.backends.simt.batch import Array, Batch
from pullback.backends.simt.lane_vectors import chosen


def _run_masked(
    body: CompiledBlock, batch: Batch, mask: Array | None, values: Sequence[Value] = ()
) -> list[Value]:
    outer = batch.mask
    batch.mask = mask
    body.run(batch, values)
    batch.mask = outer
    return body.outcome(batch)


def _narrowed(outer: Array | None, condition: Array) -> Array | None:
    """The lanes of `outer` where `condition` holds; `outer` itself if it holds in all of them."""
    if outer is None:
        return None if condition.all() else condition
    both = outer & condition
    return outer if (both == outer).all() else both


def _bind(batch: Batch, slots: Sequence[int], values: Sequence[Value]) -> None:
    for slot, value in zip(slots, values, strict=True):
        batch[slot] = value


def _if(compiler: Compiler, op: Operation) -> Step:
    condition_slot, results = compiler.slot(op.operands[0]), compiler.slots(op.results)
    branches = [compiler.block(region.block) if region.blocks else None for region in op.regions]

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        condition: Value = batch[condition_slot]
        outcomes: list[list[Value]] = []
        for branch, taken in zip(branches, (condition, ~condition), strict=True):
            mask = _narrowed(batch.mask, batch.lanes(taken))
            if branch is not None and (mask is None or mask.any()):
                outcomes.append(_run_masked(branch, batch, mask))
        if len(outcomes) == 2:  # some lanes went each way
            _bind(batch, results, [chosen(condition, a, b) for a, b in zip(*outcomes, strict=True)])
        elif results:
            _bind(batch, results, outcomes[0])

    return run


def _for(compiler: Compiler, op: Operation) -> Step:
    bounds, initial = compiler.slots(op.operands[:3]), compiler.slots(op.operands[3:])
    results, body = compiler.slots(op.results), compiler.block(op.regions[0].block)
    number = dtype_of(op.operands[0].type).type

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        lower, upper, stride = (batch[slot] for slot in bounds)
        if (batch.running(stride) <= 0).any():
            raise ExecutionError(op, "the step must be positive")
        carried: list[Value] = [batch[slot] for slot in initial]
        if not any(map(np.ndim, (lower, upper, stride))):
            for i in range(int(lower), int(upper), int(stride)):
                carried = _run_masked(body, batch, batch.mask, (number(i), *carried))
        else:
            i = batch.lanes(lower)
            while (step := _advance(body, batch, i < upper, (i, *carried))) is not None:
                carried = step
                i = i + stride
        _bind(batch, results, carried)

    return run


def _advance(body: CompiledBlock, batch: Batch, going: Array, values: Sequence[Value]) -> list[Value] | None:
    """One trip for the lanes still going: the values carried on, or None when there are none left."""
    mask = _narrowed(batch.mask, batch.lanes(going))
    if mask is not None and not mask.any():
        return None
    outcome = _run_masked(body, batch, mask, values)
    carried = values[len(values) - len(outcome) :]
    return _chosen(mask, outcome, carried)


def _chosen(mask: Array | None, new: Sequence[Value], old: Sequence[Value]) -> list[Value]:
    if mask is None:
        return list(new)
    return [chosen(mask, a, b) for a, b in zip(new, old, strict=True)]


def _while(compiler: Compiler, op: Operation) -> Step:
    initial, results = compiler.slots(op.operands), compiler.slots(op.results)
    before, after = (compiler.block(region.block) for region in op.regions)

    def run(batch: Environment) -> None:
        assert isinstance(batch, Batch)
        outer = mask = batch.mask
        values: list[Value] = [batch[slot] for slot in initial]
        final: list[Value] | None = None
        while True:
            condition, *passed = _run_masked(before, batch, mask, values)
            final = passed if final is None else _chosen(mask, passed, final)
            mask = _narrowed(mask, batch.lanes(condition))
            if mask is not None and not mask.any():
                break
            values = _run_masked(after, batch, mask, final)
        batch.mask = outer
        _bind(batch, results, final)

    return run


LANE_CONTROL: dict[str, StepBuilder] = {"scf.if": _if, "scf.for": _for, "scf.while": _while}
