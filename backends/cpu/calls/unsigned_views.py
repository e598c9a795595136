"""Arrays whose dtype has no letter in the buffer protocol, such as bf16, passed as whole numbers of as many bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.backends.cpu.calls.call_table import format_of


def unsigned(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The whole numbers of as many bits as a dtype has; the dtype itself where NumPy has none of that size."""
    return np.dtype(f"u{dtype.itemsize}") if dtype.itemsize in (1, 2, 4, 8) else dtype


def viewed_as_unsigned(dtypes: Sequence[np.dtype[Any]], run: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a function of arrays that takes some as whole numbers: those whose dtype the protocol does not know.

    Args:
        dtypes: those of the arrays that it is called with; it returns `NotImplemented` for others.
        run: takes all arrays, in the same order.
    """
    viewed = [(at, dtype, unsigned(dtype)) for at, dtype in enumerate(dtypes) if format_of(dtype) is None]

    def call(*arrays: Any) -> Any:
        given = list(arrays)
        if len(given) != len(dtypes):
            return NotImplemented
        for at, dtype, bits in viewed:
            array = given[at]
            if not isinstance(array, np.ndarray) or array.dtype != dtype:
                return NotImplemented
            given[at] = array.view(bits)
        return run(*given)

    return call
