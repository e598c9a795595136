"""Every rule against finite differences, orders 1 and 2, by random projection, static and dynamic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise import Tanh
from pullback.dialects.graph.markers import dense
from pullback.dialects.graph.policies import Unconnected
from pullback.dialects.graph.types import is_complex
from pullback.dialects.graph.value import Tensor
from pullback.passes.gradients.registry import State, state_of
from pullback.tests.graphs import Function, build
from pullback.tests.ops.case import Case, differentiated, floating, real_parts
from pullback.tests.ops.collected import CASES, PARAMETERS

ELSEWHERE = {
    "graph.while": "gradients/test_loops.py",
    "graph.push": "gradients/test_loops.py",
    "graph.pop": "gradients/test_loops.py",
    "graph.read": "gradients/test_engine.py",
    "graph.read_rows": "rules/test_slices.py",
}


def test_every_differentiable_op_is_checked() -> None:
    with_rule = {name for name, op in OPS.items() if state_of(op) is State.RULE}
    assert with_rule == {name for name, cases in CASES.items() if any(c.orders for c in cases)} | set(
        ELSEWHERE
    )


def test_no_op_is_left_without_a_decision() -> None:
    assert not [name for name, op in OPS.items() if state_of(op) is State.NONE]


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.parametrize("order", [1, 2])
def test_rule(case: Case, order: int, rng: np.random.Generator) -> None:
    if order not in case.orders:
        return
    function = build(case.types, lambda *xs: _curved(case.body(*xs)))
    xs = differentiated(function)
    ys, grads = function.ys, function.ys
    for _ in range(order):
        ys = [part for y in grads for part in real_parts(function, y)]
        found = function.gradients(ys, xs, unconnected=Unconnected.ZERO)
        grads = [g for g in found if g is not None]
    check_projection(function, ys, grads, case.inputs(function, rng), rng)


def _curved(made: Any) -> list[Tensor]:
    """The results through a function whose second derivative is not zero (tanh of complex numbers has poles)."""
    listed = [made] if isinstance(made, Tensor) else list(made)
    return [y * y if is_complex(y.element_type) else Tanh.of(y) for y in floating(listed)]


def check_projection(
    function: Function, ys: list[Tensor], grads: list[Tensor], inputs: list[Any], rng: np.random.Generator
) -> None:
    """sum over xs of <gradient, direction> against the central difference of sum(ys) along the directions."""
    step = 1e-5
    directions = [_direction(x, rng) for x in inputs]

    def total(sign: float) -> float:
        moved = [x if d is None else x + sign * step * d for x, d in zip(inputs, directions, strict=True)]
        return float(sum(np.sum(dense(y)) for y in function(*moved, results=ys)))

    expected = (total(1) - total(-1)) / (2 * step)
    values = function(*inputs, results=grads)
    active = [d for d in directions if d is not None]
    got = sum(float(np.sum(np.real(np.conj(dense(g)) * d))) for g, d in zip(values, active, strict=True))
    size = sum(float(np.sum(np.abs(dense(g) * d))) for g, d in zip(values, active, strict=True))
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-8 * max(1.0, size))


def _direction(x: Any, rng: np.random.Generator) -> Any:
    if x.dtype == np.float64:
        return rng.standard_normal(x.shape)
    if x.dtype == np.complex128:
        return rng.standard_normal(x.shape) + 1j * rng.standard_normal(x.shape)
    return None
