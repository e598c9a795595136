"""Padding of tensors, with a constant or mirrored elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import StringAttr

from pullback.dialects.graph.movement.padding import MODES, MirrorPad, Pad
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Number, Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.functions.creation import checked_number
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import is_whole_number
from pullback.frontend.operands.convert import as_tensor

__all__ = ["pad"]


def pad(
    x: Operand,
    paddings: Sequence[Sequence[int]],
    mode: str = "constant",
    constant_values: Number = 0,
    name: str | None = None,
) -> Tensor:
    """`x` with elements around it.

    Args:
        x: any tensor.
        paddings: for each axis how many elements to put before it and behind it: `[[before, behind], …]`.
        mode: `"constant"`; or `"reflect"`, what a mirror on the last element shows, which is not repeated; or
            `"symmetric"`, what a mirror behind it shows.
        constant_values: the number that the new elements have in mode `"constant"`.
        name: of the operation.

    Raises:
        ValueError: for another mode, negative numbers, or more elements than a mirror shows.
    """
    value, pairs = as_tensor(x, "pad"), _pairs(paddings)
    if len(pairs) != value.ndim:
        raise GraphError(f"pad: paddings: expected {value.ndim} pairs for {value.type}, got {len(pairs)}")
    known = ("constant", *MODES)
    kind = mode.lower() if isinstance(mode, str) else mode  # pyright: ignore[reportUnnecessaryIsInstance]
    if kind not in known:
        raise GraphError(f"pad: mode: expected one of {', '.join(known)}, got {mode!r}")
    if kind == "constant":
        number = checked_number(constant_values, "pad: constant_values")
        return named_as(name, lambda: Pad.around(value, pairs, number))
    low, high = zip(*pairs, strict=True) if pairs else ((), ())
    properties = {"low": integers(low), "high": integers(high), "mode": StringAttr(kind)}
    return named_as(name, lambda: MirrorPad.of(value, **properties))


def _pairs(paddings: Any) -> list[tuple[int, int]]:
    rows = paddings.tolist() if isinstance(paddings, np.ndarray) else paddings
    listed = isinstance(rows, list | tuple) and all(isinstance(r, list | tuple) and len(r) == 2 for r in rows)
    if not listed or not all(is_whole_number(n) for row in rows for n in row):
        raise ArgumentTypeError(
            f"pad: paddings: expected two whole numbers for each axis, such as [[1, 1], [0, 2]], got {paddings!r}"
        )
    return [(int(low), int(high)) for low, high in rows]
