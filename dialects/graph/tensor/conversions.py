"""Conversions of NumPy arrays that are defined for every value, where NumPy's depend on the machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def truncated(x: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Truncates floats to integers, with the same result on every machine and target.

    They become i64 for i64 and i32 for every narrower dtype, which then keeps the low bits. NaN, infinities and numbers
    out of range become the smallest i64 or i32. So 3e9 is -2147483648 as i32 and 0 as i8, and 300.0 is 44 as i8.
    This is what NumPy gives on x86, and leaves undefined elsewhere.
    """
    wide = np.dtype(np.int64 if dtype.itemsize == 8 else np.int32)
    limit = 2.0 ** (8 * wide.itemsize - 1)
    exact = x.astype(np.float64)
    return np.where(np.abs(exact) < limit, exact, -limit).astype(wide).astype(dtype)


def true_as_one(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Normalises truth values to the bytes 0 and 1: a bool view of other memory may hold other bytes, all true.

    An array of another dtype, or of such bytes already, is returned unchanged.
    """
    if x.dtype != np.bool_ or not x.size:
        return x
    stored = x.view(np.uint8)
    return stored != 0 if stored.max() > 1 else x
