"""`x ** 0.5` followed NumPy's square root on the oracle: powers have the special values of IEEE 754 everywhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pullback as pb

INF = math.inf
BASES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, INF, -INF, math.nan, 1e300, -1e-300]
EXPONENTS = [0.0, -0.0, 0.5, -0.5, 1 / 3, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 1e17, INF, -INF, math.nan, 2.5]


def power(a: float, b: float) -> float:
    """As the C library has it; Python raises where that divides by 0, or leaves the range."""
    try:
        return math.pow(a, b)
    except (ValueError, OverflowError):
        is_odd = b % 2 == 1
        if a < 0 and not b.is_integer():
            return math.nan
        return -INF if is_odd and math.copysign(1, a) < 0 else INF


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("kind", ["number", "scalar", "tensor"])
def test_special_values(kind: str, exponent: float, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (len(BASES),))
        shape = () if kind == "scalar" else (len(BASES),)
        n = pb.placeholder("f64", shape)
        y = x**exponent if kind == "number" else x**n
        step = pb.compile([x, n], [y], target=target)
    with np.errstate(all="ignore"):
        (got,) = step(BASES, np.full(shape, exponent))
    expected = np.array([power(a, exponent) for a in BASES])
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[known]), np.signbit(expected[known]))


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_square_roots_of_negative_zero_and_infinity(dtype: str) -> None:
    with pb.Graph():
        x = pb.constant([-0.0, -INF, 4.0], dtype)
        got: Any = pb.run([x**0.5, x**-0.5, pb.pow(x, 0.5)])
    for row, expected in zip(got, ([0, INF, 2], [INF, 0, 0.5], [0, INF, 2]), strict=True):
        np.testing.assert_array_equal(row.astype(np.float64), expected)
        assert not np.any(np.signbit(row))
