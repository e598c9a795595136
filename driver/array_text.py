"""Arrays as text, which gives them back to the bit: numbers, or a `.npy` file in base64."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BASE64 = "base64:"
"""How the text of an array begins that is a `.npy` file in base64."""
LONGEST_WRITTEN = 64
"""Elements of the largest array whose numbers are written out."""


def array_text(array: Array) -> str:
    """An array as an argument of `pullback-run`: a few numbers as they are, more as a `.npy` file in base64.

    Both give the array back to the bit.
    """
    is_short = array.size <= LONGEST_WRITTEN and (array.size > 0 or array.ndim == 1)
    return written_out(array) if is_short and not _has_strange_nan(array) else base64_text(npy(array))


def written_out(array: Array) -> str:
    """Every element, on one line whatever the size, each in the fewest digits that give it back."""
    text = np.array2string(array, separator=", ", threshold=sys.maxsize, formatter={"all": str})
    return " ".join(text.split())


def npy(array: Array) -> bytes:
    """The contents of a `.npy` file of an array."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def base64_text(file: bytes) -> str:
    """The contents of a `.npy` file as an argument of `pullback-run`."""
    import base64

    return BASE64 + base64.b64encode(file).decode("ascii")


def _has_strange_nan(array: Array) -> bool:
    """Tells whether there is a NaN with a sign or a payload, which text does not keep."""
    if array.dtype.kind not in "fcV":
        return False
    parts = (np.real(array), np.imag(array)) if array.dtype.kind == "c" else (array,)
    return any(
        part[np.isnan(part)].tobytes() != np.full(np.isnan(part).sum(), np.nan, part.dtype).tobytes()
        for part in map(np.atleast_1d, parts)
    )
