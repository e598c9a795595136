"""Every rule against finite differences, orders 1 and 2, by random projection, static and dynamic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pullback.dialects.graph import OPS
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_complex
from pullback.driver.checking.check_function import (
    CheckOptions,
    EvaluationPoint,
    about_values,
    check_function,
)
from pullback.passes.gradients.rule_registry import RuleState, state_of
from pullback.tests.graphs import build
from pullback.tests.ops.case import Case, differentiated, floating
from pullback.tests.ops.collected import BY_ID, CASES

ELSEWHERE = {
    "graph.while": "gradients/test_loops.py",
    "graph.push": "gradients/test_loops.py",
    "graph.pop": "gradients/test_loops.py",
    "graph.prevent_gradient": "rules/test_registry.py",
    "graph.read": "gradients/test_engine.py",
    "graph.read_rows": "rules/test_slices.py",
}


def test_every_differentiable_op_is_checked() -> None:
    with_rule = {name for name, op in OPS.items() if state_of(op) is RuleState.RULE}
    assert with_rule == {name for name, cases in CASES.items() if any(c.orders for c in cases)} | set(
        ELSEWHERE
    )


def test_no_op_is_left_without_a_decision() -> None:
    assert not [name for name, op in OPS.items() if state_of(op) is RuleState.NONE]


@pytest.mark.parametrize(
    ("case", "order"),
    [pytest.param(case, order, id=f"{id_}-{order}") for id_, case in BY_ID.items() for order in case.orders],
)
def test_rule(case: Case, order: int, rng: np.random.Generator) -> None:
    function = build(case.types, lambda *xs: _curved(case.body(*xs)))
    ys, xs = ([t.value for t in tensors] for tensors in (function.ys, differentiated(function)))
    point = EvaluationPoint(case.inputs(function, rng), {})
    report = check_function(function.op, about_values(ys, xs), point, CheckOptions(orders=(order,)))
    assert len(report.comparisons) == len(xs)


def _curved(made: Any) -> list[Tensor]:
    """The results through a bounded function that is curved, and flat neither at zero nor where they are large."""
    listed = [made] if isinstance(made, Tensor) else list(made)
    return [
        y * y if is_complex(y.element_type) else 1.0 / (1.0 + (y + 0.5) * (y + 0.5)) for y in floating(listed)
    ]
