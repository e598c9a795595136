"""What is multiplied, added up and rounded, and in which dtype: for NumPy arrays of every dtype that tensors have."""

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
"""In what one operation multiplies and adds up elements of these, before it rounds once: they count to 2048 and 256."""

HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
"""The same as dtypes of arrays: what NumPy lacks products of, or rounds after every step."""

TOTALS: dict[Attribute, Attribute] = {f16: f64, bf16: f64, f32: f64, complex64: complex128}
"""In what totals of many terms are kept: in f32, a million of 0.1 that are added one after the other are 1 % off."""

_TOTALS = {numpy_dtype(narrow): numpy_dtype(wide) for narrow, wide in TOTALS.items()}
"""The same as dtypes of arrays."""


def widened(x: Array) -> Array:
    """The array in the dtype that products are computed in, and sums of a few."""
    return x.astype(np.float32) if x.dtype in HALVES else x


LONG_PRODUCT = 1024
"""Products of so many terms are added up as they are; of longer ones some BLAS lose per mille in f32."""


def multiplied(a: Array, b: Array) -> Array:
    """`np.matmul` in the operands' dtype."""
    if a.shape[-1] > LONG_PRODUCT:
        return in_wide(np.matmul, a, b)
    return np.matmul(widened(a), widened(b)).astype(a.dtype, copy=False)


def in_wide(function: Callable[..., Array], *operands: Array) -> Array:
    """What a function makes of operands in the dtype of their totals, rounded once to their own."""
    wide = (x.astype(_TOTALS.get(x.dtype, x.dtype), copy=False) for x in operands)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(function(*wide)).astype(operands[0].dtype, copy=False)


def totalled(x: Array, axes: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """`np.sum`, not yet rounded to the operand's dtype."""
    over = axes if axes is None or isinstance(axes, int) else tuple(axes)
    return np.asarray(np.sum(x, axis=over, keepdims=keepdims, dtype=_TOTALS.get(x.dtype, x.dtype)))


def summed(x: Array, axes: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """`np.sum` in the operand's dtype, rounded once."""
    with np.errstate(over="ignore", invalid="ignore"):
        return totalled(x, axes, keepdims).astype(x.dtype, copy=False)


def averaged(x: Array, axes: Sequence[int], keepdims: bool = False) -> Array:
    """`np.mean` in the operand's dtype, rounded once; NaN of no elements."""
    count = math.prod(x.shape[axis] for axis in axes)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.divide(totalled(x, axes, keepdims), count).astype(x.dtype, copy=False)


def add_rows(add: np.ufunc, target: Array, indices: Array, rows: Array) -> None:
    """Adds to (or subtracts from) rows of an array in place; those of one index are rounded once."""
    touched, places = np.unique(indices, return_inverse=True)
    total = target[touched].astype(_TOTALS.get(target.dtype, target.dtype), copy=False)
    add.at(total, places, rows.astype(total.dtype, copy=False))
    with np.errstate(over="ignore", invalid="ignore"):
        target[touched] = total


def scattered(base: Array, places: Any, terms: Array) -> Array:
    """`base` with terms added at places (as `np.add.at` takes them); those of one place are rounded once."""
    total = base.astype(_TOTALS.get(base.dtype, base.dtype))
    np.add.at(total, places, terms.astype(total.dtype, copy=False))
    with np.errstate(over="ignore", invalid="ignore"):
        return total.astype(base.dtype, copy=False)


def power(a: Array, b: Array) -> Any:
    """`np.power` with the special values of IEEE 754 (9.2.1), whatever the exponent is.

    NumPy takes square roots where the exponent is one number, 0.5; those of -inf and -0.0 are others.
    """
    found = np.power(a, b)
    if np.iscomplexobj(a):
        return found
    # Of zeros and infinities the sign alone decides: it stays where the exponent is a whole number, and odd.
    magnitude = np.power(np.abs(a), b)
    is_odd = (b == np.trunc(b)) & (np.abs(np.fmod(b, b.dtype.type(2))) == 1)
    signed = np.where(is_odd, np.copysign(magnitude, a), magnitude)
    return np.where((a == 0) | np.isinf(a), signed, found)
