"""Runs `scf` on one thread: loops, branches, and `scf.parallel` in order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder, segments
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import Value, dtype_of
from pullback.dialects.ir.diagnostics import UnsupportedError


def _for(compiler: Compiler, op: Operation) -> Step:
    lower, upper, stride = compiler.slots(op.operands[:3])
    initial, results = compiler.slots(op.operands[3:]), compiler.slots(op.results)
    body = compiler.block(op.regions[0].block)
    number = dtype_of(op.operands[0].type).type

    def run(environment: Environment) -> None:
        carried: list[Value] = [environment[slot] for slot in initial]
        for i in _range(op, environment[lower], environment[upper], environment[stride]):
            body.run(environment, (number(i), *carried))
            carried = body.outcome(environment)
        for slot, value in zip(results, carried, strict=True):
            environment[slot] = value

    return run


def _range(op: Operation, lower: Value, upper: Value, stride: Value) -> range:
    if stride <= 0:
        raise ExecutionError(op, f"the step must be positive, got {stride}")
    return range(int(lower), int(upper), int(stride))


def _parallel(compiler: Compiler, op: Operation) -> Step:
    lower, upper, stride, initial = segments(op)
    if initial or op.results:
        raise UnsupportedError("scf.parallel with reductions is not part of level 'loops'", op)
    bounds = [compiler.slots(triple) for triple in zip(lower, upper, stride, strict=True)]
    body = compiler.block(op.regions[0].block)

    def run(environment: Environment) -> None:
        ranges = [_range(op, *(environment[slot] for slot in triple)) for triple in bounds]
        for point in product(*ranges):
            body.run(environment, [np.int64(i) for i in point])

    return run


def _if(compiler: Compiler, op: Operation) -> Step:
    condition, results = compiler.slot(op.operands[0]), compiler.slots(op.results)
    branches = [compiler.block(region.block) if region.blocks else None for region in op.regions]

    def run(environment: Environment) -> None:
        branch = branches[0 if environment[condition] else 1]
        if branch is not None:
            branch.run(environment)
            for slot, value in zip(results, branch.outcome(environment), strict=True):
                environment[slot] = value

    return run


def run_while(compiler: Compiler, op: Operation, begin_trip: Callable[[], None] | None = None) -> Step:
    """The step of `scf.while`, which calls `begin_trip` before each test of the condition."""
    initial, results = compiler.slots(op.operands), compiler.slots(op.results)
    before, after = (compiler.block(region.block) for region in op.regions)

    def run(environment: Environment) -> None:
        values: list[Value] = [environment[slot] for slot in initial]
        while True:
            if begin_trip is not None:
                begin_trip()
            before.run(environment, values)
            condition, *values = before.outcome(environment)
            if not condition:
                break
            after.run(environment, values)
            values = after.outcome(environment)
        for slot, value in zip(results, values, strict=True):
            environment[slot] = value

    return run


CONTROL: dict[str, StepBuilder] = {
    "scf.for": _for,
    "scf.parallel": _parallel,
    "scf.if": _if,
    "scf.while": run_while,
}
