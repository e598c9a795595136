"""Decomposition of pooling into strided views of images, one for each position in the window.

A view holds, for each window, the element at one position in it: (N, rows, columns, C). Positions are row-major.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import i8, i64

from pullback.dialects.graph.along_axes.arg_extrema import ArgMax
from pullback.dialects.graph.by_index.sequences import Iota
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import (
    Equal,
    Greater,
    IsNaN,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
)
from pullback.dialects.graph.movement.padded_slicing import PaddedSlice
from pullback.dialects.graph.movement.padding import Pad
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.dialects.graph.windows.windows import Windows, window_count

MOST_PLACES = 49
"""The most positions of a window: a kernel has a view for each, and larger windows are left to the host."""
PLACE = i8
"""The type of a position in a window, where kernels store it."""


def has_few_places(windows: Windows) -> bool:
    """Tells whether a window is small enough for kernels to have a view of each position."""
    return 0 < math.prod(windows.size) <= MOST_PLACES


def is_padded(windows: Windows, image: Sequence[int]) -> bool:
    """Tells whether windows reach beyond an image of these (known) extents."""
    return bool(np.any(windows.pads(image)))


def window_views(op: str, x: Tensor, windows: Windows, around: Number = 0) -> list[Tensor]:
    """Emits the view of each position, of images of known extents with this value around them."""
    images, *image, channels = x.extents
    count = window_count(op, windows, image)
    (top, _), (left, _) = windows.pads(image)
    rows, columns = windows.strides
    return [
        PaddedSlice.at(
            x,
            (0, row.start - top, column.start - left, 0),
            (images, *count, channels),
            (1, rows, columns, 1),
            around,
        )
        for row, column in windows.slices(count)
    ]


def padded(x: Tensor, windows: Windows, around: Number = 0) -> Tensor:
    """Emits images (of known extents) with this value around them, as far as windows reach."""
    image = x.extents[1:3]
    pads = windows.pads(image)
    return Pad.around(x, [(0, 0), *pads, (0, 0)], around) if is_padded(windows, image) else x


def first_largest(views: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Emits each window's largest element, NaN if any is, and for each later position whether it exceeds all before."""
    largest, *others = views
    larger: list[Tensor] = []
    for view in others:
        is_first_nan = LogicalAnd.of(IsNaN.of(view), LogicalNot.of(IsNaN.of(largest)))
        larger.append(LogicalOr.of(Greater.of(view, largest), is_first_nan))
        largest = Where.of(larger[-1], view, largest)
    return largest, larger


def first_places(op: str, x: Tensor, windows: Windows) -> Tensor:
    """Emits the position in each window of its (first) largest element, NaN if any is, which is none of the padding."""
    views = window_views(op, x, windows)
    inside = [None] * len(views)
    if is_padded(windows, x.extents[1:3]):
        inside = window_views(op, Fill.full(1, tensor_type(PLACE, (1, *x.extents[1:3], 1))), windows)
    found, largest = Fill.full(-1, tensor_type(PLACE, views[0].extents)), views[0]
    for place, (view, exists) in enumerate(zip(views, inside, strict=True)):
        is_first_nan = LogicalAnd.of(IsNaN.of(view), LogicalNot.of(IsNaN.of(largest)))
        is_larger = LogicalOr.of(LogicalOr.of(Equal.of(found, -1), Greater.of(view, largest)), is_first_nan)
        if exists is not None:
            is_larger = LogicalAnd.of(Equal.of(exists, 1), is_larger)
        found, largest = Where.of(is_larger, place, found), Where.of(is_larger, view, largest)
    return found


# ---- windows that tile an image ------------------------------------------------------------------------------


def tiles(windows: Windows, image: Sequence[int]) -> bool:
    """Tells whether windows tile an image of these (known) extents: each element is in exactly one."""
    return (
        windows.strides == windows.size
        and windows.dilations == (1, 1)
        and not is_padded(windows, image)
        and all(extent % size == 0 for extent, size in zip(image, windows.size, strict=True))
    )


def by_window(x: Tensor, windows: Windows) -> Tensor:
    """Reshapes a tiled image: (N, rows, rows of a window, columns, columns of a window, C)."""
    images, rows, columns, channels = x.extents
    high, wide = windows.size
    return Reshape.to(x, (images, rows // high, high, columns // wide, wide, channels))


def by_place(windows: Windows) -> Tensor:
    """Emits the number of each position in a window: (1, 1, rows of a window, 1, columns of a window, 1)."""
    rows, columns = windows.size
    places = np.arange(rows * columns, dtype=np.int8)
    return Constant.from_array(places.reshape(1, 1, rows, 1, columns, 1))


def at_largest(tiled: Tensor) -> Tensor:
    """Emits whether each element is the (first) largest of its window, of images as `by_window` makes them.

    Windows have one row or one column.
    """
    along = 4 if tiled.extents[2] == 1 else 2
    shape = [1] * tiled.ndim
    shape[along] = tiled.extents[along]
    return Equal.of(ArgMax.along(tiled, along, keepdims=True), Iota.along(along, tensor_type(i64, shape)))


def beside_places(y: Tensor) -> Tensor:
    """Reshapes a value per window so that it broadcasts against the tiled image: (N, rows, 1, columns, 1, C)."""
    images, rows, columns, channels = y.extents
    return Reshape.to(y, (images, rows, 1, columns, 1, channels))


def tiled(y: Tensor, windows: Windows, shape: Sequence[int]) -> Tensor:
    """Reshapes tiled windows to images of this shape: the inverse of the tiling."""
    images, rows, _, columns, _, channels = y.extents
    each = (images, rows, windows.size[0], columns, windows.size[1], channels)
    return Reshape.to(y if y.extents == each else BroadcastTo.to(y, each), shape)
