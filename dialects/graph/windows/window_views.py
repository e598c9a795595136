"""What windows read, as views of a tensor of images: how kernels compute what is pooled.

A view holds, for each window, the element at one place of it: (N, rows, columns, C). Places are counted by rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import Greater, IsNaN, LogicalAnd, LogicalNot, LogicalOr
from pullback.dialects.graph.movement.padding import Pad
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.windows.windows import Windows, window_count

MOST_PLACES = 49
"""A kernel names each place of a window: windows of more places are left to the host."""


def has_few_places(windows: Windows) -> bool:
    """Whether kernels may name each place."""
    return 0 < math.prod(windows.size) <= MOST_PLACES


def is_padded(windows: Windows, image: Sequence[int]) -> bool:
    """Whether windows reach beyond an image of these (known) extents."""
    return bool(np.any(windows.pads(image)))


def window_views(op: str, x: Tensor, windows: Windows, around: Number = 0) -> list[Tensor]:
    """The view of each place, of images of known extents with this value around them."""
    image = x.extents[1:3]
    count = window_count(op, windows, image)
    if is_padded(windows, image):
        x = Pad.around(x, [(0, 0), *windows.pads(image), (0, 0)], around)
    return [StridedSlice.at(x, [slice(None), *places, slice(None)]) for places in windows.slices(count)]


def first_largest(views: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """For each window the largest element, NaN if any is, and of each later place whether it exceeds those before."""
    largest, *others = views
    larger: list[Tensor] = []
    for view in others:
        is_first_nan = LogicalAnd.of(IsNaN.of(view), LogicalNot.of(IsNaN.of(largest)))
        larger.append(LogicalOr.of(Greater.of(view, largest), is_first_nan))
        largest = Where.of(larger[-1], view, largest)
    return largest, larger


# ---- windows of which each element of an image is in one ---------------------------------------------------------


def tiles(windows: Windows, image: Sequence[int]) -> bool:
    """Whether each element of an image of these (known) extents is in one window."""
    return (
        windows.strides == windows.size
        and windows.dilations == (1, 1)
        and not is_padded(windows, image)
        and all(extent % size == 0 for extent, size in zip(image, windows.size, strict=True))
    )


def by_place(windows: Windows) -> Tensor:
    """The number of each place, where an image has it: (1, 1, rows of a window, 1, columns of a window, 1), i32."""
    rows, columns = windows.size
    places = np.arange(rows * columns, dtype=np.int32)
    return Constant.from_array(places.reshape(1, 1, rows, 1, columns, 1))


def beside_places(y: Tensor) -> Tensor:
    """What windows have, beside the places of an image that they tile: (N, rows, 1, columns, 1, C)."""
    images, rows, columns, channels = y.extents
    return Reshape.to(y, (images, rows, 1, columns, 1, channels))


def tiled(y: Tensor, windows: Windows, shape: Sequence[int]) -> Tensor:
    """Images of this shape, from what stands beside the places of their windows."""
    images, rows, _, columns, _, channels = y.extents
    each = (images, rows, windows.size[0], columns, windows.size[1], channels)
    return Reshape.to(y if y.extents == each else BroadcastTo.to(y, each), shape)
