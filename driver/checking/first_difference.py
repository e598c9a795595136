"""Finds the first operation whose value differs in two programs: values are matched by their names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, OpResult, SSAValue

from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.function_runs import Results, on_memory, run_function
from pullback.driver.checking.measured_rounding import RUNS, RoundingEvaluator, Spread
from pullback.driver.checking.partial_evaluation import UNKNOWN, PartialEvaluator
from pullback.driver.checking.results import ChangedNumber, first_change
from pullback.driver.module_functions import functions_of


@dataclass(frozen=True)
class DifferentValue:
    """A value that both programs have, with other numbers: its name, its operation in the program before."""

    name: str
    op: Operation
    change: ChangedNumber

    def __str__(self) -> str:
        index = f"[{', '.join(map(str, self.change.index))}]" if self.change.index else ""
        return f"'{self.name}' ({self.op.name}){index}: {self.change.before!s}, then {self.change.after!s}"


def first_different_value(
    before: tuple[ModuleOp, str], after: tuple[ModuleOp, str], inputs: Inputs
) -> DifferentValue | None:
    """The first value, in the order of the program after, that differs by more than rounding; `None` below kernels.

    Args:
        before, after: a module and the name of its function.
        inputs: what both are run on.
    """
    if any(on_memory(functions_of(module)[name]) for module, name in (before, after)):
        return None
    try:
        old = _recorded(*before, inputs, None)
        new = _recorded(*after, inputs, None)
        moved = [_recorded(*before, inputs, np.random.default_rng([n, 78])) for n in range(RUNS)]
    except (DiagnosticError, ValueError, TypeError, LookupError):
        return None
    for key, (value, _) in new.items():
        if key in old and all(key in run for run in moved):
            (number, op), rest = old[key], iter([run[key][0] for run in moved])
            results = Results((number,), {}), Results((value,), {})
            change = first_change(
                [key], *results, lambda _, number=number, rest=rest: _allowed(number, list(rest))
            )
            if isinstance(change, ChangedNumber):
                return DifferentValue(key, op, change)
    return None


def _allowed(value: Any, moved: list[Any]) -> Any:
    runs = iter(moved)
    return Spread([value], lambda rng: [next(runs)], len(moved)).allowed


def _recorded(
    module: ModuleOp, name: str, inputs: Inputs, rng: np.random.Generator | None
) -> dict[str, tuple[Any, Operation]]:
    """The numbers of all values with a name of their own, in the order in which they are computed."""
    recorded: dict[SSAValue, Any] = {}
    run_function(
        module,
        name,
        inputs,
        lambda variables: (
            PartialEvaluator(variables, recorded)
            if rng is None
            else RoundingEvaluator(variables, rng, recorded)
        ),
    )
    names = {value: name_of_value(value) for value in recorded}
    counts = Counter(names.values())
    return {
        names[value]: (number, value.op)
        for value, number in recorded.items()
        if counts[names[value]] == 1
        and isinstance(value, OpResult)
        and number is not UNKNOWN
        and isinstance(number, np.ndarray | SlicesValue)
    }
