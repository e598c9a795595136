"""`StepParameter`: what a compiled function takes for one of its arguments, and the conversion to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback.dialects.graph.tensor.arrays import Array, array_of, is_array
from pullback.dialects.graph.tensor.types import ArgumentTypeError


@dataclass(frozen=True)
class StepParameter:
    """An input of a step."""

    name: str
    dtype: np.dtype[Any]

    def accept(self, value: object, what: str) -> Array:
        """The value as a C-contiguous array of this parameter's dtype.

        Numbers and lists are converted; arrays must have the dtype. `TypeError` (a `ValueError` too) otherwise.
        """
        array = array_of(value, what, None if is_array(value) else self.dtype)
        if array.dtype != self.dtype:
            raise ArgumentTypeError(
                f"{what}: expected dtype {self.dtype}, got {array.dtype}; pass array.astype(np.{self.dtype})"
            )
        return np.require(array, requirements=["C", "ALIGNED"])
