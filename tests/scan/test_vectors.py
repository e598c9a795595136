"""Reductions, scans, norms, softmax and losses of rows of special points, against mpmath: values and orders 1 and 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import pullback as pb
from pullback.tests.scan.cases import Case, scan
from pullback.tests.scan.comparison import faults
from pullback.tests.scan.points import FLOATS, rows


def _logsumexp(*xs: Any) -> Any:
    largest = max(xs)
    return largest + mpmath.log(mpmath.fsum(mpmath.exp(max(x - largest, -100_000)) for x in xs))


def _softmax(*xs: Any) -> list[Any]:
    total = _logsumexp(*xs)
    return [mpmath.exp(max(x - total, -100_000)) for x in xs]


def _log_softmax(*xs: Any) -> list[Any]:
    total = _logsumexp(*xs)
    return [x - total for x in xs]


def _running(function: Callable[..., Any]) -> Callable[..., list[Any]]:
    return lambda *xs: [function(*xs[: i + 1]) for i in range(len(xs))]


def _sum(*xs: Any) -> Any:
    return mpmath.fsum(xs)


def _norm(*xs: Any) -> Any:
    return mpmath.sqrt(mpmath.fsum(x * x for x in xs))


def _variance(*xs: Any) -> Any:
    mean = _sum(*xs) / len(xs)
    return _sum(*((x - mean) ** 2 for x in xs)) / len(xs)


def _normalized(*xs: Any) -> list[Any]:
    mean, scale = _sum(*xs) / len(xs), mpmath.sqrt(_variance(*xs) + mpf(1e-3))
    return [(x - mean) / scale for x in xs]


CASES = {
    "sum": Case(lambda x: pb.sum(x, 1), _sum),
    "mean": Case(lambda x: pb.mean(x, 1), lambda *xs: _sum(*xs) / 3),
    "prod": Case(lambda x: pb.prod(x, 1), lambda *xs: mpmath.fprod(xs)),
    "max": Case(lambda x: pb.max(x, 1), max),
    "min": Case(lambda x: pb.min(x, 1), min),
    "logsumexp": Case(lambda x: pb.logsumexp(x, 1), _logsumexp),
    "cumsum": Case(lambda x: pb.cumsum(x, 1), _running(_sum), 3),
    "cumprod": Case(lambda x: pb.cumprod(x, 1), _running(lambda *xs: mpmath.fprod(xs)), 3),
    "cumulative_logsumexp": Case(lambda x: pb.cumulative_logsumexp(x, 1), _running(_logsumexp), 3),
    "softmax": Case(pb.softmax, _softmax, 3),
    "log_softmax": Case(pb.log_softmax, _log_softmax, 3),
    "norm": Case(lambda x: pb.norm(x, axis=1), _norm),
    "norm_1": Case(lambda x: pb.norm(x, 1, axis=1), lambda *xs: _sum(*map(abs, xs))),
    "l2_normalize": Case(
        lambda x: pb.l2_normalize(x, 1, 0.0), lambda *xs: [x / _norm(*xs) for x in xs], 3
    ),
    "global_norm": Case(lambda x: pb.stack([pb.global_norm([row]) for row in pb.unstack(x)]), _norm),
    "var": Case(lambda x: pb.var(x, 1), _variance),
    "layer_norm": Case(lambda x: pb.layer_norm(x, epsilon=1e-3), _normalized, 3),
    "rms_norm": Case(
        lambda x: pb.rms_norm(x, epsilon=1e-3),
        lambda *xs: [x / mpmath.sqrt(_norm(*xs) ** 2 / 3 + mpf(1e-3)) for x in xs],
        3,
    ),
    "softmax_cross_entropy": Case(
        lambda x: pb.softmax_cross_entropy_with_logits(pb.ones_like(x) * 0.25, x),
        lambda *xs: 3 * _logsumexp(*xs) / 4 - _sum(*xs) / 4,
    ),
    "sparse_softmax_cross_entropy": Case(
        lambda x: pb.sparse_softmax_cross_entropy_with_logits(np.ones(len(rows("f32")), np.int32), x),
        lambda *xs: _logsumexp(*xs) - xs[1],
    ),
}  # fmt: skip


@pytest.mark.matrix(6)
@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CASES)
def test_rows(name: str, dtype: str, target: str) -> None:
    found = scan(CASES[name], dtype, target, rows(dtype))
    assert len(found) > 20
    assert not faults(name, dtype, found)
