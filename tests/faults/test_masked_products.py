"""`xlogy` and `xdivy` at a = 0: the value's mask was applied to the gradient by a, which is log b or 1 / b there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

INF = np.inf
TARGETS = ("numpy", "cpu", "simt")
A = [0.0, 0.0, 0.0, 0.0, 2.0, 2.0]
B = [0.5, 0.0, INF, -1.0, 0.0, 4.0]


def gradients(function: Any, target: str, a: Any, b: Any, dtype: str = "f64") -> list[Any]:
    """By a and by b, and both of them by b and by a."""
    with pb.Graph():
        x, y = pb.placeholder(dtype, (len(a),)), pb.placeholder(dtype, (len(b),))
        first = pb.gradients(function(x, y), [x, y])
        mixed = [*pb.gradients(first[0], [y]), *pb.gradients(first[1], [x])]
        step = pb.compile([x, y], [*first, *mixed], target=target)
    with np.errstate(all="ignore"):
        return list(step(a, b))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_xlogy(dtype: str, target: str) -> None:
    da, db, dadb, dbda = gradients(pb.xlogy, target, A, B, dtype)
    np.testing.assert_allclose(da, [np.log(0.5), 0, 0, 0, -INF, np.log(4)], rtol=1e-6)
    np.testing.assert_allclose(db, [0, 0, 0, 0, INF, 0.5], rtol=1e-6)
    for mixed in (dadb, dbda):
        np.testing.assert_allclose(mixed[[0, 1, 5]], [2, 0, 0.25], rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_xdivy(dtype: str, target: str) -> None:
    da, db, dadb, dbda = gradients(pb.xdivy, target, A, B, dtype)
    np.testing.assert_allclose(da, [2, 0, 0, -1, INF, 0.25])
    np.testing.assert_allclose(db, [0, 0, 0, 0, -INF, -0.125])
    for mixed in (dadb, dbda):
        np.testing.assert_allclose(mixed[[0, 1, 5]], [-4, 0, -0.0625])


@pytest.mark.parametrize("target", TARGETS)
def test_gradient_of_the_entropy(target: str) -> None:
    with pb.Graph():
        p = pb.placeholder("f32", (3,))
        (dp,) = pb.gradients(-pb.sum(pb.xlogy(p, p)), [p])
        (got,) = pb.compile([p], [dp], target=target)([0, 0.5, 0.5])
    np.testing.assert_allclose(got, [0, -1 + np.log(2), -1 + np.log(2)], rtol=1e-6)


def test_complex_operands() -> None:
    with pb.Graph():
        a, b = pb.constant(np.array([0, 0j])), pb.constant(np.array([1j, 0]))
        log, quotient = (pb.gradients(pb.real(f(a, b)), [a])[0] for f in (pb.xlogy, pb.xdivy))
        got = pb.run([log, quotient])
    np.testing.assert_allclose(got, [[-0.5j * np.pi, 0], [1j, 0]], atol=1e-15)
