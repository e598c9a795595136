"""How often an operation of level `loops` runs in one run of the program, as far as trip counts are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from xdsl.dialects import func, scf
from xdsl.ir import Operation

from pullback.backends.cpu.llvm.costs import UNKNOWN_TRIPS, trips
from pullback.dialects.upstream.scf import ParallelOp

MOST_RUNS = 1 << 60


class RunCounts:
    """The run counts of the operations of one module.

    Args:
        calls: the calls of each function, by its name; no function calls itself.
        entry: the function that runs once, if there is one; else each does.
    """

    def __init__(self, calls: Mapping[str, Sequence[func.CallOp]], entry: str | None) -> None:
        self._entry = entry
        self._calls_of: dict[str, list[func.CallOp]] = {}
        for found in calls.values():
            for call in found:
                self._calls_of.setdefault(call.callee.string_value(), []).append(call)
        self._function = cache(self._count_function)

    def of(self, op: Operation) -> int:
        """How often an operation runs."""
        count = 1
        parent = op.parent_op()
        while parent is not None and not isinstance(parent, func.FuncOp):
            count *= _trips(parent)
            parent = parent.parent_op()
        if parent is not None:
            count *= self._function(parent.sym_name.data)
        return min(count, MOST_RUNS)

    def _count_function(self, name: str) -> int:
        if name == self._entry or name not in self._calls_of:
            return 1
        return min(sum(map(self.of, self._calls_of[name])), MOST_RUNS)


def _trips(op: Operation) -> int:
    """How often the body of an operation runs each time that the operation does."""
    match op:
        case scf.ForOp():
            return trips(op.lb, op.ub, op.step)
        case ParallelOp():
            count = 1
            for bounds in zip(op.lowerBound, op.upperBound, op.step, strict=True):
                count *= trips(*bounds)
            return count
        case scf.WhileOp():
            return UNKNOWN_TRIPS
        case _:
            return 1
