"""What the operations that `operations.py` times are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
LENGTH, MATRIX, TALL = 100_000, (500, 700), (1000, 100)
OTHERS = {"short rows": (10_000, 10), "four axes": (16, 32, 24, 40), "of a square": (1000, 1000)}
"""The shapes for operations whose names end so."""
ROWS, COLUMNS = np.arange(TALL[0] - 1, -1, -3), np.arange(TALL[1] - 1, -1, -3)
POSITIVE = (
    "digamma",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "reciprocal",
    "rsqrt",
    "sqrt",
    "pow 3",
    "pow 1.7",
)
PAIRS = ("atan2", "divide", "hypot", "logaddexp", "maximum", "pow", "remainder", "xlogy")
OF_MATRICES = frozenset(
    {
        *("where", "flip", "roll", "pad", "tile", "repeat", "concat", "stack", "transpose"),
        *("take_along_axis", "top_k", "tril", "outer", "gram"),
    }
)
LINEAR_ALGEBRA = {
    "cholesky": ((8, 64, 64), (300, 300)),
    "solve": ((8, 64, 64), (300, 300)),
    "triangular solve": ((8, 64, 64), (300, 300)),
    "inv": ((8, 64, 64), (300, 300)),
    "det": ((64, 4, 4),),
    "slogdet": ((8, 64, 64),),
    "qr": ((8, 64, 64),),
    "eigvalsh": ((8, 64, 64), (200, 200)),
    "svdvals": ((8, 64, 64),),
}
"""The shapes of the matrices."""
SIDES = 4
"""Right sides of equations."""


def arrays_of(name: str) -> list[tuple[str, list[Array]]]:
    """The arrays for an operation, with a text that tells their shape."""
    random = np.random.default_rng(0)

    def numbers(shape: Sequence[int], least: float = -0.98, most: float = 0.98) -> Array:
        return random.uniform(least, most, shape).astype(np.float32)

    if name in LINEAR_ALGEBRA:
        return [(_text(shape), _matrices(name, numbers, shape)) for shape in LINEAR_ALGEBRA[name]]
    for end, shape in OTHERS.items():
        if name.endswith(end):
            return [(_text(shape), [numbers(shape)])]
    if name in PAIRS:
        return [(_text([LENGTH]), [numbers([LENGTH], 0.1, 1.1), numbers([LENGTH], 0.1, 1.1)])]
    if name == "acosh":
        return [(_text([LENGTH]), [numbers([LENGTH], 1.1, 3)])]
    if "rows" in name.split(", ")[1:] or "columns" in name.split(", ")[1:]:
        near = name.startswith(("prod", "cumprod"))
        return [(_text(MATRIX), [numbers(MATRIX, 0.99, 1.01) if near else numbers(MATRIX)])]
    if name.startswith("pow ") or not (" " in name or name in OF_MATRICES):
        return [(_text([LENGTH]), [numbers([LENGTH], *(0.1, 1.1) if name in POSITIVE else ())])]
    return [(_text(TALL), [numbers(TALL)])]


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _matrices(name: str, numbers: Any, shape: Sequence[int]) -> list[Array]:
    """Matrices that are well conditioned: symmetric, lower ones, or any."""
    size = shape[-1]
    square = numbers(shape) / np.float32(size**0.5)
    one = np.eye(size, dtype=np.float32)
    if name in ("cholesky", "eigvalsh"):
        return [square @ square.swapaxes(-1, -2) + one]
    matrix = square + 2 * one
    if name in ("solve", "triangular solve"):
        return [matrix, numbers((*shape[:-1], SIDES))]
    return [matrix]
