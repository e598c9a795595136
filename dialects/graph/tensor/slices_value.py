"""`SlicesValue`: indexed slices as NumPy arrays, the value at run time of what has the type `!graph.slices`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pullback.dialects.graph.tensor.accumulators import scattered
from pullback.dialects.graph.tensor.arrays import Array


class SlicesValue(NamedTuple):
    """Indexed slices at run time: `values[k]` belongs at row `indices[k]` of a tensor of `dense_shape`."""

    values: Array
    indices: Array
    dense_shape: tuple[int, ...]

    def dense(self) -> Array:
        """Computes the dense tensor: rows of one index add up, rows at an index out of range are left out."""
        inside = (self.indices >= 0) & (self.indices < self.dense_shape[0])
        zeros = np.zeros(self.dense_shape, self.values.dtype)
        return scattered(zeros, self.indices[inside], self.values[inside])
