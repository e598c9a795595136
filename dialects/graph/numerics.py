"""Products on NumPy arrays of every dtype that tensors have."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
"""What is multiplied and summed in f32, and rounded once: NumPy lacks it, or rounds after every step."""


def widened(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array in the dtype that sums of products are computed in."""
    return x.astype(np.float32) if x.dtype in HALVES else x


def multiplied(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`np.matmul` in the operands' dtype."""
    return np.matmul(widened(a), widened(b)).astype(a.dtype, copy=False)
