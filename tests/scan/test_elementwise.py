"""Elementwise operations at special points, against mpmath: values and gradients of orders 1 and 2, in each dtype."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise.activations import LeakyRelu
from pullback.dialects.graph.elementwise.error_function import Gelu
from pullback.dialects.graph.elementwise.gamma import Polygamma
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.tensor.types import DTYPES
from pullback.passes.gradients.rule_registry import RuleState, state_of
from pullback.tests.scan.comparison import compared, faults
from pullback.tests.scan.differences import derivatives
from pullback.tests.scan.exceptions import Found
from pullback.tests.scan.functions import BINARY, GIVEN, UNARY
from pullback.tests.scan.points import FLOATS, dtype_of, few, special

MADE: dict[str, Any] = {
    "leaky_relu": lambda x: LeakyRelu.sloped(x, 0.2),
    "polygamma": lambda x: Polygamma.derived(x, 1),
    "gelu_tanh": lambda x: Gelu.gated(x, True),
}
WEIGHTS = (1.0, 2.0**-7, 0.0)
"""Of dy: with the last one, gradients are 0 wherever derivatives are numbers of the dtype."""
SLOW = ("digamma", "lgamma", "polygamma")
"""In mpmath; near 0 they are a power of x, and need no more bits than elsewhere."""
ELSEWHERE = {
    "cast": "another dtype for each",
    "clip": "tests/faults/test_nan_gradients.py",
    "complex": "no arithmetic",
    "prevent_gradient": "has no gradient",
    "where": "no arithmetic",
}


def test_every_function_of_floats_is_scanned() -> None:
    found = {
        name.removeprefix("graph.")
        for name, op in OPS.items()
        if issubclass(op, Elementwise) and op.DTYPES(DTYPES["f32"]) and state_of(op) is RuleState.RULE
    }
    assert found == {*UNARY, *BINARY, *ELSEWHERE} - {"gelu_tanh"}


def _expected(name: str, x: float) -> list[list[Any]] | None:
    """The value, the derivative, the second derivative; `None` where they are not defined."""
    rows = [row for row in GIVEN.get(name, []) if row[0] == x or (row[0] != row[0] and x != x)]
    if rows:
        row = next((row for row in rows if math.copysign(1, float(row[0])) == math.copysign(1, x)), rows[0])
        return [[v] for v in row[1:]]
    made = derivatives(UNARY[name], [x], [1], [1], name not in SLOW) if math.isfinite(x) else None
    return None if made is None else [made.values, made.first, made.second]


@cache
def expected(name: str, points: tuple[str, ...]) -> list[list[Any]] | None:
    """For a point as text: -0.0 and 0.0 are equal."""
    values = [float(p) for p in points]
    if name in UNARY:
        return _expected(name, values[0])
    made = derivatives(BINARY[name], values, [1], [1, 1])
    return None if made is None else [made.values, made.first, made.second]


def scan(name: str, dtype: str, target: str, points: Sequence[tuple[float, ...]]) -> list[Found]:
    """What the operation gives at the points, beside what it should."""
    columns = [np.array(c, dtype_of(dtype)) for c in zip(*points, strict=True)]
    with pb.Graph():
        xs = [pb.placeholder(dtype, (len(points),)) for _ in columns]
        dy = pb.placeholder(dtype, (len(points),))
        y = (MADE.get(name) or OPS[f"graph.{name}"].of)(*xs)
        first = pb.gradients(y, xs, grad_ys=[dy], unconnected_gradients="zero")
        second = pb.gradients(first, xs, unconnected_gradients="zero")
        step = pb.compile([*xs, dy], [y, *first, *second], target=target)
    found: list[Found] = []
    for weight in WEIGHTS:
        with np.errstate(all="ignore"):
            results = [r.astype(np.float64) for r in step(*columns, np.full_like(columns[0], weight))]
        for i, point in enumerate(points):
            wanted = expected(name, tuple(map(repr, point)))
            got = [float(r[i]) for r in results]
            if wanted is not None:
                found += compared(dtype, point, weight, got, wanted)
            elif math.isfinite(got[0]) and all(map(math.isfinite, point)) and name in UNARY:
                found.append(Found(point, 0, weight, got[0], math.nan))
    return found


@pytest.mark.matrix(12)
@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", UNARY)
def test_function_of_one_number(name: str, dtype: str, target: str) -> None:
    points = [(float(x),) for x in np.array(special(dtype), dtype_of(dtype))]
    assert not faults(name, dtype, scan(name, dtype, target, points))


@pytest.mark.matrix(4)
@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_function_of_two_numbers(name: str, dtype: str, target: str) -> None:
    points = list(itertools.product(few(dtype), repeat=2))
    assert not faults(name, dtype, scan(name, dtype, target, points))
