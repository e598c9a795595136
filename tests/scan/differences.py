"""Values and derivatives of functions of a few numbers by mpmath, from central differences in thousands of bits.

A step is so small, and the numbers so long, that what is left of the error is far below any dtype's: no formula of a
derivative is needed, which could have the fault that it should find.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath

Point = Sequence[float]
Function = Callable[..., Any]
"""Of mpmath's numbers; several results as a list. What it raises, or makes complex, counts as not defined."""

BITS, STEP = 3600, 700
"""Enough bits around 1 for steps of 2^-STEP, twice; points far from there take more."""
FEW_BITS, LARGE_STEP = 1600, 120
"""The same in less time, where that is asked for."""
KINK = 2**-60
"""Differences to both sides that are further apart than this part of them are no derivative."""


@dataclass(frozen=True)
class Derivatives:
    """At one point: the values, the gradient of their weighted sum, and that of the gradient's weighted sum."""

    values: list[Any]
    first: list[Any]
    second: list[Any]


def derivatives(
    function: Function,
    point: Point,
    weights: Sequence[float],
    directions: Sequence[float],
    is_far: bool = True,
) -> Derivatives | None:
    """`None` where the function is not defined around the point, or has a kink there.

    Args:
        function: of as many numbers as the point has, with as many results as there are weights.
        point: finite numbers.
        weights: of the results, in the sum whose gradient is taken.
        directions: weights of the gradient's elements, for the second order.
        is_far: whether points far from 1 take more bits; without that, functions of one number take much less time.
    """
    exponents = [math.frexp(x)[1] for x in point if x] or [0]
    low, high = min(0, *exponents), max(0, *exponents)
    with mpmath.workprec(BITS + 4 * (high - low) if is_far else FEW_BITS):
        xs = [mpmath.mpf(float(x)) for x in point]
        # Below the smallest number, so that no kink comes between; relative to the largest, since x may be an exponent.
        h = mpmath.ldexp(1, low - high - STEP if is_far else exponents[0] - LARGE_STEP)

        def weighted(at: Sequence[Any]) -> Any:
            return mpmath.fsum(w * y for w, y in zip(weights, _listed(function(*at)), strict=True))

        def gradient(at: Sequence[Any]) -> list[Any]:
            here = weighted(at)
            sides = [
                (weighted(_moved(at, i, h)) - here, here - weighted(_moved(at, i, -h)))
                for i in range(len(at))
            ]
            for ahead, behind in sides:
                if abs(ahead - behind) > KINK * (abs(ahead) + abs(behind)) and abs(ahead - behind) > KINK * h:
                    raise ValueError("a kink")
            return [(ahead + behind) / (2 * h) for ahead, behind in sides]

        def along(at: Sequence[Any]) -> Any:
            return mpmath.fsum(v * g for v, g in zip(directions, gradient(at), strict=True))

        try:
            made = Derivatives(
                _listed(function(*xs)),
                gradient(xs),
                [(along(_moved(xs, i, h)) - along(_moved(xs, i, -h))) / (2 * h) for i in range(len(xs))],
            )
        except (ZeroDivisionError, ValueError, TypeError):
            return None
        whole = [*made.values, *made.first, *made.second]
        return made if all(isinstance(v, mpmath.mpf) and mpmath.isfinite(v) for v in whole) else None


def _listed(made: Any) -> list[Any]:
    return list(made) if isinstance(made, list | tuple) else [made]


def _moved(point: Sequence[Any], i: int, by: Any) -> list[Any]:
    return [x + by if i == j else x for j, x in enumerate(point)]
