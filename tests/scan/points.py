"""Special points of a dtype: zeros, ones, tiny and huge numbers, the smallest and the largest, infinities, NaN."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from pullback.dialects.graph.tensor.types import DTYPES, numpy_dtype

FLOATS = ("f16", "bf16", "f32", "f64")


def dtype_of(name: str) -> np.dtype[Any]:
    """NumPy's dtype."""
    return numpy_dtype(DTYPES[name])


def magnitudes(name: str) -> list[float]:
    """Of finite points above zero. Squares of the tiny and the huge ones are beyond the dtype."""
    limits = ml_dtypes.finfo(dtype_of(name))
    tiny, huge = 2.0 ** (limits.minexp * 5 // 8), 2.0 ** (limits.maxexp * 5 // 8)
    return [
        *(float(limits.smallest_subnormal), float(limits.smallest_normal), tiny, float(limits.eps)),
        *(0.5, 1.0, 1.5, 6.0, 20.0, 100.0, huge, float(limits.max)),
    ]


def special(name: str) -> list[float]:
    """All special points, infinities and NaN at the end."""
    positive = magnitudes(name)
    return [0.0, -0.0, *positive, *(-x for x in positive), math.inf, -math.inf, math.nan]


def few(name: str) -> list[float]:
    """Finite special points for functions of two numbers, which meet each other."""
    limits = ml_dtypes.finfo(dtype_of(name))
    tiny, huge = 2.0 ** (limits.minexp * 5 // 8), 2.0 ** (limits.maxexp * 5 // 8)
    positive = [tiny, 0.5, 1.0, 3.0, huge]
    return [0.0, *positive, *(-x for x in positive)]


def rows(name: str) -> list[tuple[float, float, float]]:
    """Rows of three finite special points: zeros, ties, magnitudes that are alike and that are far apart."""
    limits = ml_dtypes.finfo(dtype_of(name))
    tiny, huge = 2.0 ** (limits.minexp * 5 // 8), 2.0 ** (limits.maxexp * 5 // 8)
    largest, smallest = float(limits.max), float(limits.smallest_normal)
    return [
        (1.0, 2.0, 3.0),
        (1.0, 1.0, 0.5),
        (0.0, 1.0, -2.0),
        (0.0, 0.0, 2.0),
        (3 * tiny, 4 * tiny, -tiny),
        (3 * huge, -4 * huge, huge),
        (tiny, 1.0, huge),
        (100.0, 100.5, 99.0),
        (-60.0, 0.0, 60.0),
        (largest / 2, 1.0, -1.0),
        (4 * smallest, 8 * smallest, 4 * smallest),
    ]
