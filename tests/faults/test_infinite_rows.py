"""Sums of exponentials of rows that hold infinities, whose three operations did not agree.

The convention: the gradient is dy times shares that add up to 1, and equal infinities have equal shares. Shares that
were computed from the rounded result were wrong for large numbers, too.
"""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

INF = np.inf
ROWS = {
    (-INF, -INF, -INF): [1 / 3, 1 / 3, 1 / 3],
    (INF, 0.0, INF): [1 / 2, 0, 1 / 2],
    (INF, -INF, 5.0): [1, 0, 0],
    (-INF, 1.0, 1.0): [0, 1 / 2, 1 / 2],
    (1e3, 1e3, 1e3): [1 / 3, 1 / 3, 1 / 3],
    (2.0, -INF, 2.0 + np.log(3)): [1 / 4, 0, 3 / 4],
}
VALUES = [-INF, INF, INF, 1 + np.log(2), 1e3 + np.log(3), 2 + np.log(4)]


def _logsumexp(x: pb.Tensor) -> pb.Tensor:
    return pb.logsumexp(x, axis=1)


def _cumulative(x: pb.Tensor) -> pb.Tensor:
    return pb.cumulative_logsumexp(x, axis=1)[:, -1]


def _reverse(x: pb.Tensor) -> pb.Tensor:
    return pb.cumulative_logsumexp(x, axis=1, reverse=True)[:, 0]


def _exclusive(x: pb.Tensor) -> pb.Tensor:
    wide = pb.concat([x, 0.0 * pb.stop_gradient(pb.where(pb.isfinite(x), x, 0.0))], 1)
    return pb.cumulative_logsumexp(wide, axis=1, exclusive=True)[:, 3]


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("function", [_logsumexp, _cumulative, _reverse, _exclusive])
def test_values_and_gradients(function: object, dtype: str, target: str) -> None:
    assert callable(function)
    with pb.Graph():
        x = pb.placeholder(dtype, (len(ROWS), 3))
        y = function(x)
        (dx,) = pb.gradients(y, [x])
        (ddx,) = pb.gradients(
            dx, [x], grad_ys=[np.ones((len(ROWS), 3), np.float32 if dtype == "f32" else None)]
        )
        value, first, second = pb.compile([x], [y, dx, ddx], target=target)(list(ROWS))
    np.testing.assert_allclose(value, VALUES, rtol=1e-6)
    # What has been added up so far is rounded, before it is compared with the next element.
    rtol = 1e-6 if function is _logsumexp or dtype == "f64" else 1e-4
    np.testing.assert_allclose(first, list(ROWS.values()), rtol=rtol)
    # The shares always add up to 1.
    np.testing.assert_allclose(second, np.zeros((len(ROWS), 3)), atol=rtol)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_two_equal_infinities(target: str) -> None:
    with pb.Graph():
        a, b = pb.placeholder("f32", (4,)), pb.placeholder("f32", (4,))
        y = pb.logaddexp(a, b)
        got = pb.compile([a, b], [y, *pb.gradients(y, [a, b])], target=target)(
            [-INF, INF, INF, -INF], [-INF, INF, 1, 1]
        )
    np.testing.assert_array_equal(got, [[-INF, INF, INF, 1], [0.5, 0.5, 1, 0], [0.5, 0.5, 0, 1]])


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32"])
def test_shares_of_large_numbers(dtype: str) -> None:
    large = 1e6 if dtype == "f32" else 1000.0
    with pb.Graph():
        x = pb.constant([large, large, large, large - 8], dtype)
        (dx,) = pb.gradients(pb.logsumexp(x), [x])
        got = pb.run(dx).astype(np.float64)
    np.testing.assert_allclose(got, [1 / 3, 1 / 3, 1 / 3, np.exp(-8) / 3], rtol=1e-2)
