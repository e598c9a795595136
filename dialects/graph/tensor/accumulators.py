"""Accumulation dtypes: in which dtype NumPy arrays are multiplied and summed before the result is rounded once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import bf16, f16, f32, f64
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.types import complex64, complex128, numpy_dtype

Array = npt.NDArray[Any]

ACCUMULATORS: dict[Attribute, Attribute] = {f16: f32, bf16: f32}
"""The accumulation dtype of one operation on half-precision elements, which count only to 2048 (f16) and 256 (bf16)."""

HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
"""The half-precision dtypes of arrays: NumPy lacks matrix products of them, or rounds after every step."""

TOTALS: dict[Attribute, Attribute] = {f16: f64, bf16: f64, f32: f64, complex64: complex128}
"""The accumulation dtype of sums of many terms: in f32, a million of 0.1, added one by one, are 1 % off."""

_TOTALS = {numpy_dtype(narrow): numpy_dtype(wide) for narrow, wide in TOTALS.items()}
"""`TOTALS` for dtypes of arrays."""


def widened(x: Array) -> Array:
    """Converts an array to the dtype in which products, and sums of few terms, are computed."""
    return x.astype(np.float32) if x.dtype in HALVES else x


LONG_PRODUCT = 1024
"""The longest sum of products left to BLAS in f32: for longer ones some BLAS libraries are off by per mille."""


def multiplied(a: Array, b: Array) -> Array:
    """Computes `np.matmul` in a dtype wide enough for the sum, rounded once to the operands' dtype."""
    if a.shape[-1] > LONG_PRODUCT:
        return in_wide(np.matmul, a, b)
    return np.matmul(widened(a), widened(b)).astype(a.dtype, copy=False)


def in_wide(function: Callable[..., Array], *operands: Array) -> Array:
    """Applies a function to operands in the dtype of their sums (`TOTALS`), and rounds once to their own dtype."""
    wide = (x.astype(_TOTALS.get(x.dtype, x.dtype), copy=False) for x in operands)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(function(*wide)).astype(operands[0].dtype, copy=False)


def totalled(x: Array, axes: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """Computes `np.sum` in the accumulation dtype, not yet rounded to the operand's dtype."""
    over = axes if axes is None or isinstance(axes, int) else tuple(axes)
    return np.asarray(np.sum(x, axis=over, keepdims=keepdims, dtype=_TOTALS.get(x.dtype, x.dtype)))


def summed(x: Array, axes: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """Computes `np.sum`, rounded once to the operand's dtype."""
    with np.errstate(over="ignore", invalid="ignore"):
        return totalled(x, axes, keepdims).astype(x.dtype, copy=False)


def averaged(x: Array, axes: Sequence[int], keepdims: bool = False) -> Array:
    """Computes `np.mean`, rounded once to the operand's dtype; NaN for no elements."""
    count = math.prod(x.shape[axis] for axis in axes)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.divide(totalled(x, axes, keepdims), count).astype(x.dtype, copy=False)


def add_rows(add: np.ufunc, target: Array, indices: Array, rows: Array) -> None:
    """Scatter-adds rows to (or subtracts them from) an array in place; rows of the same index are rounded once."""
    touched, places = np.unique(indices, return_inverse=True)
    total = target[touched].astype(_TOTALS.get(target.dtype, target.dtype), copy=False)
    add.at(total, places, rows.astype(total.dtype, copy=False))
    with np.errstate(over="ignore", invalid="ignore"):
        target[touched] = total


def scattered(base: Array, places: Any, terms: Array) -> Array:
    """Scatter-adds terms to a copy of `base` at places as in `np.add.at`; terms of one place are rounded once."""
    total = base.astype(_TOTALS.get(base.dtype, base.dtype))
    np.add.at(total, places, terms.astype(total.dtype, copy=False))
    with np.errstate(over="ignore", invalid="ignore"):
        return total.astype(base.dtype, copy=False)


def power(a: Array, b: Array) -> Any:
    """Computes `np.power` with the special values of IEEE 754 (9.2.1), whatever the exponent is.

    NumPy takes a square root where the exponent is the single number 0.5, which is wrong for -inf and -0.0.
    """
    found = np.power(a, b)
    if np.iscomplexobj(a):
        return found
    # Zeros and infinities keep their sign only where the exponent is an odd whole number.
    magnitude = np.power(np.abs(a), b)
    is_odd = (b == np.trunc(b)) & (np.abs(np.fmod(b, b.dtype.type(2))) == 1)
    signed = np.where(is_odd, np.copysign(magnitude, a), magnitude)
    return np.where((a == 0) | np.isinf(a), signed, found)
