"""Convolutions of each channel alone, one output for each, and their transposes: sums of products of strided views.

They are no matrix products: the vectors of a kernel run along the channels, whose filters have one number each for a
position in the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.by_index.index import unstacked
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.dialects.graph.windows.phases import added_to_windows, phases_of, reaching
from pullback.dialects.graph.windows.window_views import window_views
from pullback.dialects.graph.windows.windows import Windows


def is_channelwise(images: Sequence[int], filters: Sequence[int]) -> bool:
    """Tells whether each channel of the images is a group of its own, with one output."""
    return filters[2] == 1 and images[3] == filters[3] > 1


def channelwise(op: str, images: Tensor, filters: Tensor, windows: Windows) -> Tensor:
    """Emits the convolution of each channel with its filter."""
    views = window_views(op, images, windows)
    return reduce(Add.of, (view * f for view, f in zip(views, _by_place(filters), strict=True)))


def channelwise_filter_gradient(
    op: str, images: Tensor, dy: Tensor, windows: Windows, shape: Sequence[int]
) -> Tensor:
    """Emits, for each position in a window, the sum over windows of what they read there times their outputs."""
    sums = [Sum.over(view * dy, (0, 1, 2)) for view in window_views(op, images, windows)]
    rows = [ExpandDims.at(each, [0]) for each in sums]
    return Reshape.to(Concat.of(*rows, axis=IntegerAttr(0, i64)), shape)


def channelwise_image_gradient(filters: Tensor, dy: Tensor, windows: Windows, shape: Sequence[int]) -> Tensor:
    """Emits each output times the filter, added to its window."""
    around = phases_of(windows, shape[1:3], (dy.extents[1], dy.extents[2]))
    of_places = _by_place(filters)

    def term(place: int, windows: tuple[slice, slice]) -> Tensor:
        return reaching(dy, around, windows) * of_places[place]

    def zero(extents: tuple[int, int]) -> Tensor:
        return Fill.full(0, tensor_type(dy.element_type, (shape[0], *extents, shape[3])))

    return added_to_windows(term, windows, around, zero)


def _by_place(filters: Tensor) -> list[Tensor]:
    """The filters at each position in a window: one number for each channel."""
    rows, columns, _, channels = filters.extents
    return unstacked(Reshape.to(filters, (rows * columns, channels)), 0)
