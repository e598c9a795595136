"""All exceptions of the scans: where operations may be wrong at special points, and why."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes

from pullback.tests.scan.points import dtype_of


@dataclass(frozen=True)
class Found:
    """A number, and what it should be."""

    point: tuple[float, ...]
    order: int
    weight: float
    got: float
    want: Any

    def is_within(self, error: float) -> bool:
        """Whether the number is no further off than this."""
        return math.isfinite(self.got) and abs(self.got - self.want) <= error


Allows = Callable[[Found, Any], bool]
"""Of what was found, and the limits of the dtype."""


@dataclass(frozen=True)
class Exempt:
    """Operations, the orders of gradients (0: values), what is allowed, and the reason."""

    names: str
    orders: tuple[int, ...]
    allows: Allows
    reason: str

    def covers(self, name: str, dtype: str, found: Found) -> bool:
        """Whether what was found is this exception."""
        return (
            name in self.names.split()
            and found.order in self.orders
            and self.allows(found, ml_dtypes.finfo(dtype_of(dtype)))
        )


def _within_eps(times: float) -> Allows:
    return lambda f, limits: f.is_within(times * float(limits.eps) * abs(f.weight or 1))


def _is_tiny(f: Found, limits: Any) -> bool:
    """Less than a few of the smallest normal numbers, and so is what it should be."""
    least = 512 * float(limits.smallest_normal)
    return abs(f.got) <= least and bool(abs(f.want) <= least)


def _is_beyond(f: Found, limits: Any) -> bool:
    """It should be larger than all numbers of the dtype."""
    return bool(abs(f.want) > float(limits.max))


def _power_between(f: Found, limits: Any) -> bool:
    """a ** b, a ** (b - 1), a ** (b - 2) or b * b is no normal number of the dtype."""
    a, b = abs(f.point[0]), f.point[1]
    exponents = [math.log2(a) * (b - n) for n in range(3)] if a else []
    least, most = limits.minexp, limits.maxexp - 1
    return any(not least < e < most for e in exponents) or b * b > 2.0**most


def _squares_overflow(f: Found, limits: Any) -> bool:
    """The square of an element is beyond the dtype."""
    return max(map(abs, f.point)) > math.sqrt(float(limits.max))


def _cancels_beside(f: Found, limits: Any) -> bool:
    """Off by no more than eps times one over the elements, for each order."""
    largest = max(map(abs, f.point))
    return f.is_within(256 * float(limits.eps) * largest**-f.order)


EXCEPTIONS = [
    Exempt(
        "sigmoid tanh silu softplus log_sigmoid elu selu gelu_tanh logaddexp sigmoid_cross_entropy",
        (1, 2),
        _within_eps(16),
        "The rule is 1 - y or 1 - y * y of a y that is rounded: what is less than eps is lost. Rules by another "
        "exponential would cost its time, in TensorFlow and JAX too.",
    ),
    Exempt(
        "sigmoid silu softplus log_sigmoid gelu gelu_tanh",
        (0, 1, 2),
        _is_tiny,
        "1 / (1 + exp(-x)) is 0 where the exponential overflows, though the result would be a small number.",
    ),
    Exempt(
        "gelu gelu_tanh",
        (0, 1, 2),
        lambda f, limits: f.point[0] < 0 and f.is_within(256 * float(limits.eps)),
        "Far to the left x is rounded before the error function, whose tail multiplies that by x * x; by tanh, "
        "1 + tanh(x) cancels.",
    ),
    Exempt(
        "digamma polygamma",
        (0, 1),
        lambda f, limits: f.point[0] < 0 and f.is_within(64 * float(limits.eps)),
        "On the negative axis two terms of the reflection cancel beside a zero.",
    ),
    Exempt(
        "asinh acosh",
        (1,),
        lambda f, limits: math.isinf(f.point[0]) and f.is_within(4 / float(limits.max)),
        "Infinity counts as the largest number in the rule.",
    ),
    Exempt(
        "divide div_no_nan xdivy atan2 pow l2_normalize",
        (2,),
        _is_beyond,
        "A quotient that is beyond the dtype is multiplied by the next one, which may be 0.",
    ),
    Exempt(
        "hypot",
        (2,),
        lambda f, limits: f.is_within(8 * float(limits.eps) / math.hypot(*f.point)),
        "1 / r - a * a / r**3 cancels where a is nearly r.",
    ),
    Exempt(
        "pow",
        (1, 2),
        lambda f, limits: f.point[0] <= 0,
        "Of a base that is not positive the gradient by the exponent is 0 by convention; by both it is that of "
        "b * a ** (b - 1), so that the two orders of differentiation differ.",
    ),
    Exempt(
        "pow",
        (0, 1, 2),
        _power_between,
        "What the result is made of, a ** (b - 1), a ** (b - 2) or b * b, is beyond the dtype.",
    ),
    Exempt(
        "logsumexp cumulative_logsumexp softmax log_softmax softmax_cross_entropy sparse_softmax_cross_entropy",
        (0, 1, 2),
        _within_eps(64),
        "Shares that nearly cancel, with each other or with 1, leave what is less than eps.",
    ),
    Exempt(
        "l2_normalize layer_norm rms_norm",
        (1, 2),
        _cancels_beside,
        "The gradient is what remains of dy beside the direction of x: nearly nothing where both are alike.",
    ),
    Exempt(
        "layer_norm rms_norm",
        (0, 1, 2),
        _squares_overflow,
        "Normalization squares its operand as it is: scaling it would cost a pass over activations, which are near 1.",
    ),
    Exempt(
        "var",
        (0, 1, 2),
        _squares_overflow,
        "Of elements with such squares there is no variance in the dtype.",
    ),
    Exempt(
        "prod cumprod",
        (2,),
        _squares_overflow,
        "Products of two elements are beyond the dtype, and meet the 0 of a product before the first.",
    ),
    Exempt(
        "layer_norm",
        (0, 1, 2),
        lambda f, limits: f.is_within(16 * float(limits.eps) * max(map(abs, f.point))),
        "The mean is rounded before it is subtracted from elements that are near to it.",
    ),
    Exempt(
        "det",
        (0,),
        lambda f, limits: f.is_within(1024 * float(limits.eps) * abs(f.want)),
        "NumPy takes the exponential of the logarithm of a determinant.",
    ),
]
