"""References of elementwise operations by mpmath, from their definitions, and conventions at points without a formula.

Derivatives follow from the functions (`differences.py`). It also lists the points at which they have none there:
ends of domains, kinks, infinities. What is expected there is a limit, or the convention of the operation's page.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mpf

INF, NAN = math.inf, math.nan
ROOT_HALF = mpmath.sqrt(mpf(0.5))

Function = Callable[..., Any]
Row = tuple[Any, ...]
"""The argument, the value, the derivatives of orders 1 and 2; `None` where anything may come.

-0.0 counts as 0.0 where it has no row of its own."""


def _remainder(a: Any, b: Any) -> Any:
    return a - b * mpmath.floor(a / b)


def _gelu_by_tanh(x: Any) -> Any:
    if abs(x) > 1e4:
        return max(x, mpf(0))
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpf(0.044715) * x**3)
    return x / (1 + mpmath.exp(-2 * inner))


def _erfc(x: Any) -> Any:
    return mpmath.erfc(x) if abs(x) < 1e4 else mpf(0 if x > 0 else 2)


def _gelu(x: Any) -> Any:
    return x * _erfc(-x * mpmath.sqrt(mpf(0.5))) / 2


def _logaddexp(a: Any, b: Any) -> Any:
    small = -abs(a - b)
    return max(a, b) + (mpmath.log1p(mpmath.exp(small)) if small > -1e5 else 0)


def _softplus(x: Any) -> Any:
    return _logaddexp(x, mpf(0))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mpmath.exp(-x))


def _power(a: Any, b: Any) -> Any:
    """Of negative numbers whole powers alone, and these do not change with the exponent."""
    if a > 0:
        return mpmath.exp(b * mpmath.log(a))
    whole: Any = mpmath.nint(b)
    if abs(b - whole) > mpmath.ldexp(1, -690) or abs(b) > 1e4:
        raise ValueError("no real power")
    if a == 0 and whole <= 0:
        raise ValueError("no power of zero")
    return a ** int(whole)


def _trigamma(x: Any) -> Any:
    """Reflected where x is negative (A&S 6.4.7), since mpmath would step from there to positive numbers."""
    if x > 0:
        return mpmath.polygamma(1, x)
    return (mpmath.pi / mpmath.sinpi(x)) ** 2 - mpmath.polygamma(1, 1 - x)


def _selu(x: Any) -> Any:
    scale, alpha = mpf(1.0507009873554805), mpf(1.6732632423543772)
    return scale * (x if x > 0 else alpha * mpmath.expm1(x))


def _cross_entropy(x: Any, label: Any) -> Any:
    return _softplus(x) - x * label


UNARY: dict[str, Function] = {
    "abs": abs,
    "acos": mpmath.acos,
    "acosh": mpmath.acosh,
    "asin": mpmath.asin,
    "asinh": mpmath.asinh,
    "atan": mpmath.atan,
    "atanh": mpmath.atanh,
    "cos": mpmath.cos,
    "cosh": mpmath.cosh,
    "digamma": mpmath.digamma,
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "erf": mpmath.erf,
    "erfc": _erfc,
    "exp": mpmath.exp,
    "exp2": lambda x: mpf(2) ** x,
    "expm1": mpmath.expm1,
    "gelu": _gelu,
    "gelu_tanh": _gelu_by_tanh,
    "identity": lambda x: x,
    "leaky_relu": lambda x: x if x > 0 else mpf(0.2) * x,
    "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))) if x < 1e3 else mpmath.loggamma(x),
    "log": mpmath.log,
    "log10": lambda x: mpmath.log(x) / mpmath.log(10),
    "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log_sigmoid": lambda x: -_softplus(-x),
    "negative": lambda x: -x,
    "polygamma": _trigamma,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: x if x > 0 else mpf(0),
    "relu6": lambda x: min(max(x, mpf(0)), mpf(6)),
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
    "selu": _selu,
    "sigmoid": _sigmoid,
    "sign": mpmath.sign,
    "silu": lambda x: x * _sigmoid(x),
    "sin": mpmath.sin,
    "sinh": mpmath.sinh,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + abs(x)),
    "sqrt": mpmath.sqrt,
    "square": lambda x: x * x,
    "tan": mpmath.tan,
    "tanh": mpmath.tanh,
}
BINARY: dict[str, Function] = {
    "add": lambda a, b: a + b,
    "atan2": mpmath.atan2,
    "copysign": lambda a, b: abs(a) * mpmath.sign(b),
    "div_no_nan": lambda a, b: a / b,
    "divide": lambda a, b: a / b,
    "hypot": mpmath.hypot,
    "logaddexp": _logaddexp,
    "maximum": max,
    "minimum": min,
    "mul_no_nan": lambda a, b: a * b,
    "multiply": lambda a, b: a * b,
    "pow": _power,
    "remainder": _remainder,
    "sigmoid_cross_entropy": _cross_entropy,
    "squared_difference": lambda a, b: (a - b) ** 2,
    "subtract": lambda a, b: a - b,
    "xdivy": lambda a, b: a / b,
    "xlogy": lambda a, b: a * mpmath.log(b),
}

GIVEN: dict[str, list[Row]] = {
    "abs": [(-INF, INF, -1, 0), (0, 0, 0, 0), (INF, INF, 1, 0)],
    "acos": [(1, 0, -INF, None), (-1, math.pi, -INF, None)],
    "acosh": [(1, 0, INF, None), (INF, INF, 0, 0)],
    "asin": [(1, math.pi / 2, INF, None), (-1, -math.pi / 2, INF, None)],
    "asinh": [(-INF, -INF, 0, 0), (INF, INF, 0, 0)],
    "atan": [(-INF, -math.pi / 2, 0, 0), (INF, math.pi / 2, 0, 0)],
    "atanh": [(1, INF, INF, None), (-1, -INF, INF, None)],
    "cosh": [(-INF, INF, -INF, INF), (INF, INF, INF, INF)],
    "digamma": [(INF, INF, 0, 0)],
    "elu": [(-INF, -1, 0, 0), (0, 0, 1, None), (INF, INF, 1, 0)],
    "erf": [(-INF, -1, 0, 0), (INF, 1, 0, 0)],
    "erfc": [(-INF, 2, 0, 0), (INF, 0, 0, 0)],
    "exp": [(-INF, 0, 0, 0), (INF, INF, INF, INF)],
    "exp2": [(-INF, 0, 0, 0), (INF, INF, INF, INF)],
    "expm1": [(-INF, -1, 0, 0), (INF, INF, INF, INF)],
    "gelu": [(-INF, 0, 0, 0), (INF, INF, 1, 0)],
    "gelu_tanh": [(-INF, 0, 0, 0), (INF, INF, 1, 0)],
    "identity": [(-INF, -INF, 1, 0), (INF, INF, 1, 0)],
    "leaky_relu": [(-INF, -INF, 0.2, 0), (0, 0, 0.2, 0), (INF, INF, 1, 0)],
    "lgamma": [(0, INF, None, None), (INF, INF, INF, 0)],
    "log": [(0, -INF, INF, -INF), (-0.0, -INF, -INF, -INF), (INF, INF, 0, 0)],
    "log10": [(0, -INF, INF, -INF), (-0.0, -INF, -INF, -INF), (INF, INF, 0, 0)],
    "log1p": [(-1, -INF, INF, -INF), (INF, INF, 0, 0)],
    "log2": [(0, -INF, INF, -INF), (-0.0, -INF, -INF, -INF), (INF, INF, 0, 0)],
    "log_sigmoid": [(-INF, -INF, 1, 0), (INF, 0, 0, 0)],
    "negative": [(-INF, INF, -1, 0), (INF, -INF, -1, 0)],
    "polygamma": [(INF, 0, 0, 0)],
    "reciprocal": [(-INF, 0, 0, 0), (0, INF, -INF, INF), (-0.0, -INF, -INF, -INF), (INF, 0, 0, 0)],
    "relu": [(-INF, 0, 0, 0), (0, 0, 0, 0), (INF, INF, 1, 0), (NAN, NAN, 1, 0)],
    "relu6": [(-INF, 0, 0, 0), (0, 0, 0, 0), (6, 6, 0, 0), (INF, 6, 0, 0), (NAN, NAN, 1, 0)],
    "rsqrt": [(0, INF, -INF, INF), (-0.0, -INF, INF, -INF), (INF, 0, 0, 0)],
    "selu": [(-INF, -1.7580993408473766, 0, 0), (0, 0, 1.0507009873554805, None), (INF, INF, 1.0507009873554805, 0)],
    "sigmoid": [(-INF, 0, 0, 0), (INF, 1, 0, 0)],
    "sign": [(-INF, -1, 0, 0), (0, 0, 0, 0), (INF, 1, 0, 0)],
    "silu": [(-INF, 0, 0, 0), (INF, INF, 1, 0)],
    "sinh": [(-INF, -INF, INF, -INF), (INF, INF, INF, INF)],
    "softplus": [(-INF, 0, 0, 0), (INF, INF, 1, 0)],
    "softsign": [(-INF, None, 0, 0), (0, 0, 1, None), (INF, None, 0, 0)],
    "sqrt": [(0, 0, INF, -INF), (-0.0, 0, -INF, INF), (INF, INF, 0, 0)],
    "square": [(-INF, INF, -INF, 2), (INF, INF, INF, 2)],
    "tanh": [(-INF, -1, 0, 0), (INF, 1, 0, 0)],
}  # fmt: skip
"""Where functions of one number are not defined by a formula, or have no derivative."""
