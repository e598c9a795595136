"""Functions of rows of numbers and their mpmath references: values, and gradients of orders 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import pullback as pb
from pullback.tests.scan.comparison import compared
from pullback.tests.scan.differences import derivatives
from pullback.tests.scan.exceptions import Found
from pullback.tests.scan.points import dtype_of

DIRECTIONS = (1.0, 0.5, -2.0, 0.25)
"""Weights of the gradient in the second order; of results, those are 1, 2, 3."""


@dataclass(frozen=True)
class Case:
    """A function of rows of numbers, by Pullback along the last axis and by mpmath on one row."""

    made: Callable[[pb.Tensor], pb.Tensor]
    exact: Callable[..., Any]
    results: int = 1
    """How many a row has."""


def scan(case: Case, dtype: str, target: str, points: Sequence[tuple[float, ...]]) -> list[Found]:
    """What the function gives at the points, beside what it should."""
    kind, shape = dtype_of(dtype), (len(points), len(points[0]))
    weights = np.broadcast_to(np.arange(1, case.results + 1), (len(points), case.results)).astype(kind)
    directions = np.broadcast_to(np.array(DIRECTIONS[: shape[1]], kind), shape)
    with pb.Graph():
        x = pb.placeholder(dtype, shape)
        y = case.made(x)
        (first,) = pb.gradients(y, [x], grad_ys=[weights if case.results > 1 else weights[:, 0]])
        (second,) = pb.gradients(first, [x], grad_ys=[directions], unconnected_gradients="zero")
        step = pb.compile([x], [y, first, second], target=target)
    with np.errstate(all="ignore"):
        results = [r.astype(np.float64).reshape(len(points), -1) for r in step(np.array(points, kind))]
    found: list[Found] = []
    for i, row in enumerate(points):
        exact = derivatives(case.exact, row, range(1, case.results + 1), DIRECTIONS[: len(row)])
        if exact is not None:
            got = [float(v) for r in results for v in r[i]]
            found += compared(dtype, row, 1.0, got, [exact.values, exact.first, exact.second])
    return found
