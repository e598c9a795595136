"""Tolerances of each dtype, and the known exceptions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import mpmath

from pullback.tests.scan.exceptions import EXCEPTIONS, Found
from pullback.tests.scan.points import dtype_of

ULPS = (8, 32, 128)
"""How far values and gradients of orders 1 and 2 may be off, in distances from 1 to the next number."""

LEFT = 2.0**-740
"""What may be left of the error of differences where f64 has an exact 0."""


def fits(value: Any, dtype: str) -> bool:
    """Whether a number is finite, and not too large for the dtype."""
    return bool(mpmath.isfinite(value)) and abs(value) <= float(ml_dtypes.finfo(dtype_of(dtype)).max)


def is_right(dtype: str, found: Found) -> bool:
    """Relative to the number; beside that a few of the smallest ones, which intermediate results may lose."""
    limits = ml_dtypes.finfo(dtype_of(dtype))
    got, want = found.got, found.want
    if mpmath.isnan(want):
        return math.isnan(got)
    if mpmath.isinf(want) or abs(want) > float(limits.max):
        return got == (math.inf if want > 0 else -math.inf) or (
            abs(got) == float(limits.max) and got * want > 0
        )
    if not math.isfinite(got):
        return abs(want) > 0.9 * float(limits.max) and got * want > 0
    allowed = ULPS[found.order] * float(limits.eps) * abs(want)
    return abs(got - want) <= allowed + max(8 * float(limits.smallest_subnormal), LEFT)


def compared(
    dtype: str, point: tuple[float, ...], weight: float, got: Sequence[float], wanted: Sequence[Sequence[Any]]
) -> list[Found]:
    """All that was computed at a point, beside the value and the derivatives of each order (`None`: anything).

    With a dy other than 1 the rules are asked only where the dtype holds what they multiply.
    """
    found: list[Found] = []
    numbers, holds = iter(got), True
    for order, row in enumerate(wanted):
        holds = holds and all(want is not None and fits(want, dtype) for want in row)
        for want, number in zip(row, numbers, strict=False):
            if want is not None and (weight == 1 or holds):
                found.append(Found(point, order, weight, number, want if order == 0 else want * weight))
    return found


def faults(name: str, dtype: str, found: list[Found]) -> list[Found]:
    """What is neither right nor an exception."""
    return [
        f for f in found if not is_right(dtype, f) and not any(e.covers(name, dtype, f) for e in EXCEPTIONS)
    ]
