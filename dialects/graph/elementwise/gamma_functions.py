"""Formulas for lgamma, digamma and polygamma in f64, which NumPy lacks; they serve arrays and kernel bodies alike.

A&S is Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, chapters 6 and 23. Errors are a few ulp, and in
`polygamma` about half an ulp more for each order; near a zero on the negative axis, where two terms cancel, they are
relative to these terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pullback.dialects.graph.op import scalar_functions

Doubles: TypeAlias = npt.NDArray[np.float64]

BERNOULLI = (
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
)
"""The Bernoulli numbers of even index, from the second on."""
FAR = 10.0
"""From here on the asymptotic series are accurate to the precision of f64."""
DIGAMMA_OF_2 = 0.4227843350984671394
DIGAMMA_ROOT, DIGAMMA_AT_ROOT = 1.4616321449683623, -9.2412655217294275e-17
"""The positive root of `digamma` as an f64, and the value there, which is 0 at the true root alone."""
LARGEST = float(np.finfo(np.float64).max)
STIRLING = 0.5 * math.log(2 * math.pi) - 0.5


def zeta(s: int, q: Any, scale: Any) -> Any:
    """`scale` q^(s - 1) times the sum of 1 / (q + k)^s over k = 0, 1, …, the zeta function of Hurwitz, for q > 0.

    Ten terms, and the rest by the formula of Euler and Maclaurin (A&S 23.1.30).
    """
    total = sum(_power(q / (q + k), s) for k in range(int(FAR)))
    end = q + FAR
    rest = end / (s - 1) + 0.5
    term = s / end
    for j, bernoulli in enumerate(BERNOULLI, 1):
        rest = rest + term * (bernoulli / math.factorial(2 * j))
        term = term * ((s + 2 * j - 1) * (s + 2 * j) / end / end)
    return scale * ((total + _power(q / end, s) * rest) / q)


def _power(x: Any, exponent: int) -> Any:
    """`x` to the power of a positive whole number, by squaring."""
    if exponent == 1:
        return x
    half = _power(x, exponent // 2)
    return half * half * x if exponent % 2 else half * half


AROUND_2 = [DIGAMMA_OF_2, *((-1) ** k * zeta(k, 2.0, 0.5 ** (k - 1)) / k for k in range(2, 34))]
"""The Taylor series of `lgamma` at 2, where it is 0, from the first power on (A&S 6.1.33); the radius is 2."""
AROUND_ROOT = [
    DIGAMMA_AT_ROOT,
    *((-1) ** k * zeta(k, DIGAMMA_ROOT, DIGAMMA_ROOT ** (1 - k)) for k in range(2, 40)),
]
"""The Taylor series of `digamma` at its root (A&S 6.4.10); the radius is the root."""


@dataclass(frozen=True)
class Functions:
    """The functions in which the formulas are written, beside operators: one instance for arrays, one for scalars."""

    select: Callable[..., Any]
    log: Callable[..., Any]
    log1p: Callable[..., Any]
    sin: Callable[..., Any]
    tan: Callable[..., Any]
    floor: Callable[..., Any]
    round: Callable[..., Any]
    absolute: Callable[..., Any]


ON_ARRAYS = Functions(np.where, np.log, np.log1p, np.sin, np.tan, np.floor, np.round, np.abs)
ON_SCALARS = Functions(
    *(scalar_functions.select, scalar_functions.log, scalar_functions.log1p),
    *(scalar_functions.sin, scalar_functions.tan),
    *(scalar_functions.floor, scalar_functions.round_even, scalar_functions.absolute),
)
"""The functions for kernel bodies, on a `Scalar` of f64."""


def _series(coefficients: Sequence[float], x: Any) -> Any:
    """Evaluates a polynomial by Horner's rule; coefficients start with that of the lowest power."""
    return reduce(lambda total, c: total * x + c, reversed(coefficients[:-1]), coefficients[-1])


def _reflected(x: Any, on: Functions) -> tuple[Any, Any, Any]:
    """Reflects x: 1 - x below 1/2, else x; also the distance to the nearest whole number, and whether x is a pole."""
    offset = on.select((x >= 0) & (x <= 0), x, x - on.round(x))  # which keeps the sign of 0
    return on.select(x < 0.5, 1 - x, x), offset, (x <= 0) & (x <= on.floor(x))


def lgamma(x: Any, on: Functions = ON_ARRAYS) -> Any:
    """log(|gamma(x)|): infinity at 0, at negative whole numbers, and at both infinities (as in C)."""
    positive, offset, is_pole = _reflected(x, on)
    is_near = positive < FAR
    near = _lgamma_near(on.select(is_near, positive, FAR), on)
    value = on.select(is_near, near, _lgamma_far(positive, on))
    # A&S 6.1.17, in which pi / sin(pi x) is 1 / x times a factor near 1.
    angle = math.pi * on.select(is_pole, 0.5, offset)
    reflected = -on.log(on.absolute(offset)) - on.log(on.sin(angle) / angle) - value
    return on.select(is_pole, math.inf, on.select(x < 0.5, reflected, value))


def _lgamma_near(x: Any, on: Functions) -> Any:
    """Computes `lgamma` from 1/2 to `FAR`: gamma(x) is (x - 1) (x - 2) … gamma(x - n), with x - n within 1/2 of 2."""
    product, rest = 1.0, x
    for k in range(1, int(FAR)):
        factor = x - k
        is_large = factor >= 1.5
        product, rest = on.select(is_large, product * factor, product), on.select(is_large, factor, rest)
    is_small = rest < 1.5  # gamma(x) is gamma(x + 1) / x
    offset = on.select(is_small, rest - 1, rest - 2)
    return offset * _series(AROUND_2, offset) + on.log(product) - on.select(is_small, on.log1p(offset), 0.0)


def _lgamma_far(x: Any, on: Functions) -> Any:
    """Computes `lgamma` by Stirling's series (A&S 6.1.41)."""
    coefficients = [b / ((2 * k) * (2 * k - 1)) for k, b in enumerate(BERNOULLI, 1)]
    return (x - 0.5) * (on.log(x) - 1) + (STIRLING + _series(coefficients, 1 / x / x) / x)


def digamma(x: Any, on: Functions = ON_ARRAYS) -> Any:
    """The derivative of `lgamma`: -inf at 0 (inf at -0), NaN at negative whole numbers and at -inf."""
    positive, offset, is_pole = _reflected(x, on)
    is_near = positive < FAR
    near = _digamma_near(on.select(is_near, positive, FAR), on)
    value = on.select(is_near, near, _digamma_far(positive, on))
    reflected = value - math.pi / on.tan(math.pi * offset)  # A&S 6.3.7
    return on.select(is_pole & (x < 0), math.nan, on.select(x < 0.5, reflected, value))


def _digamma_near(x: Any, on: Functions) -> Any:
    """Computes `digamma` from 1/2 to `FAR`: it grows by 1 / x from x to x + 1 (A&S 6.3.5), with x - n from 1 to 2."""
    total, rest = 0.0, x
    for k in range(1, int(FAR)):
        is_large = x - k >= 1
        total, rest = on.select(is_large, total + 1 / (x - k), total), on.select(is_large, x - k, rest)
    is_small = rest < 1
    offset = on.select(is_small, rest + 1, rest) - DIGAMMA_ROOT
    return _series(AROUND_ROOT, offset) + on.select(is_small, -1 / rest, total)


def _digamma_far(x: Any, on: Functions) -> Any:
    """Computes `digamma` by the derivative of Stirling's series (A&S 6.3.18)."""
    coefficients = [b / (2 * k) for k, b in enumerate(BERNOULLI, 1)]
    inverse = 1 / x
    return on.log(x) - inverse * (0.5 + inverse * _series(coefficients, inverse * inverse))


def polygamma(order: int, x: Any, on: Functions = ON_ARRAYS) -> Any:
    """The derivative of `digamma` of this order, at least 1: (-1)^(order + 1) order! zeta(order + 1, x) (A&S 6.4.10).

    At 0 and at negative whole numbers it is the limit from the right, an infinity; NaN at -inf.
    """
    sign, is_negative = (-1.0) ** (order + 1), x < 0
    _, offset, is_pole = _reflected(x, on)
    positive = on.select(is_negative, 1 - x, x)
    scale = 1.0
    for k in range(1, order + 1):  # a factorial and a power may overflow where their product does not
        scale = scale * (k / positive)
    value = sign * on.select((scale >= 0) & (scale <= 0), scale, zeta(order + 1, positive, scale))
    cotangent = 1 / on.tan(math.pi * offset)
    # Coefficients may be 0, and infinity times 0 is NaN.
    cotangent = on.select(cotangent < -LARGEST, -LARGEST, on.select(cotangent > LARGEST, LARGEST, cotangent))
    derivative = math.pi ** (order + 1) * _series(_cotangent_derivative(order), cotangent)
    found = on.select(is_negative, -sign * value - derivative, value)  # A&S 6.4.7
    return on.select(is_pole, (x - x) + sign * math.inf, found)


def _cotangent_derivative(order: int) -> list[float]:
    """The derivative of cot, as coefficients of a polynomial in cot: that of t is -(1 + t^2)."""
    coefficients = [0, 1]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [-a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return [float(c) for c in coefficients]
