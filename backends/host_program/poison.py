"""The bytes of memory that no program has written yet."""

from __future__ import annotations

import numpy as np

from pullback.backends.interpreter.run_memory import Array

POISON = 0xFFFB
"""Two bytes that give a quiet NaN in each floating-point type, and no likely integer."""


def poison(array: Array) -> None:
    """Fill a contiguous array with bytes that no program has written: NaN, where it holds floating-point numbers."""
    bytes_ = array.reshape(-1).view(np.uint8)
    even = bytes_.size // 2 * 2
    bytes_[:even].view(np.uint16)[...] = POISON
    bytes_[even:] = POISON & 0xFF
