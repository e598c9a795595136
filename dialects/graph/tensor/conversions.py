"""Conversions of NumPy arrays, defined where NumPy leaves the result to the machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def truncated(x: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Floats as integers, what is behind the point cut off; the same numbers on every machine and target.

    They become i64 for i64 and i32 for every narrower dtype, which then keeps the low bits. NaN, infinities and what
    does not fit become the smallest i64 or i32. So 3e9 is -2147483648 as i32 and 0 as i8, and 300.0 is 44 as i8.
    This is what NumPy gives on x86, and leaves open elsewhere.
    """
    wide = np.dtype(np.int64 if dtype.itemsize == 8 else np.int32)
    limit = 2.0 ** (8 * wide.itemsize - 1)
    exact = x.astype(np.float64)
    return np.where(np.abs(exact) < limit, exact, -limit).astype(wide).astype(dtype)


def true_as_one(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Truth values of bytes 0 and 1: what looks at other memory as bool finds other bytes, all of which are true.

    An array of another dtype, or of such bytes already, is given as it is.
    """
    if x.dtype != np.bool_ or not x.size:
        return x
    stored = x.view(np.uint8)
    return stored != 0 if stored.max() > 1 else x
