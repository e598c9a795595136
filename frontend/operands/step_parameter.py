"""`StepParameter`: what a compiled function takes for one of its arguments, and the conversion to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback.dialects.graph.tensor.arrays import array_of, is_array
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.driver.device_array import array_on_device


@dataclass(frozen=True)
class StepParameter:
    """An input of a step."""

    name: str
    dtype: np.dtype[Any]
    may_be_on_device: bool = False
    """Whether arrays that are on a device stay there: as `DeviceArray`s."""

    def accept(self, value: object, what: str) -> Any:
        """The value as a C-contiguous array of this parameter's dtype.

        Numbers and lists are converted; arrays must have the dtype. `TypeError` (a `ValueError` too) otherwise.
        """
        if self.may_be_on_device and (on_device := array_on_device(value, what)) is not None:
            self._check_dtype(on_device.dtype, what)
            return on_device
        array = array_of(value, what, None if is_array(value) else self.dtype)
        self._check_dtype(array.dtype, what)
        return np.require(array, requirements=["C", "ALIGNED"])

    def _check_dtype(self, found: np.dtype[Any], what: str) -> None:
        if found != self.dtype:
            raise ArgumentTypeError(
                f"{what}: expected dtype {self.dtype}, got {found}; pass array.astype(np.{self.dtype})"
            )
