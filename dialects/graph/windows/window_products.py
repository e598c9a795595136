"""Convolutions and their transposes as contractions, which read the windows of images where these lie.

Dims are named as in `nhwc`: n is the image, h and w the window, i and j the position in it, c the channel and o the
output, both of a group g.
"""

from __future__ import annotations

from collections.abc import Sequence

from pullback.dialects.graph.along_axes.repeating import Flip
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.dialects.graph.windows.phases import Phase, beyond, joined_phases, phases_of
from pullback.dialects.graph.windows.window_views import padded
from pullback.dialects.graph.windows.windows import Pair, Windows


def convolved(images: Tensor, filters: Tensor, windows: Windows, count: Pair) -> Tensor:
    """Emits the convolution of images with filters."""
    rows, columns, channels, outputs = filters.extents
    groups = images.extents[3] // channels
    (n, h, w, o, i, j, c), g = _dims("nhwgo" + "ijc", groups)
    result = Contract.at(
        (_in_groups(padded(images, windows), groups), _in_groups(filters, groups)),
        ((n, *_read(windows, (h, w), (i, j)), *g, c), (i, j, c, *g, o)),
        (images.extents[0], *count, *_several(groups), outputs // groups),
        (rows, columns, channels),
    )
    return Reshape.to(result, (images.extents[0], *count, outputs))


def filter_gradient(images: Tensor, dy: Tensor, windows: Windows, shape: Sequence[int]) -> Tensor:
    """Emits the sum, over all windows, of what they read times their outputs: filters of this shape."""
    rows, columns, channels, outputs = shape
    groups = images.extents[3] // channels
    (i, j, c, o, n, h, w), g = _dims("ijcgo" + "nhw", groups)
    result = Contract.at(
        (_in_groups(padded(images, windows), groups), _in_groups(dy, groups)),
        ((n, *_read(windows, (h, w), (i, j)), *g, c), (n, h, w, *g, o)),
        (rows, columns, channels, *_several(groups), outputs // groups),
        dy.extents[:3],
    )
    return Reshape.to(result, shape)


def image_gradient(filters: Tensor, dy: Tensor, windows: Windows, shape: Sequence[int]) -> Tensor:
    """Emits each output times the filters, added to its window: a convolution of `dy` for each phase of the strides."""
    rows, columns, channels, outputs = filters.extents
    images, groups = shape[0], shape[3] // channels
    around = phases_of(windows, shape[1:3], (dy.extents[1], dy.extents[2]))
    y, turned = _in_groups(beyond(dy, around), groups), _turned(filters, groups)
    (n, h, w, c, i, j, o), g = _dims("nhwgc" + "ijo", groups)

    def part(of_rows: Phase, of_columns: Phase) -> Tensor:
        extents = images, of_rows.extent, of_columns.extent
        if not (of_rows.places and of_columns.places):
            return Fill.full(0, tensor_type(dy.element_type, (*extents, shape[3])))
        result = Contract.at(
            (y, turned),
            (
                (n, of_rows.window(h, i), of_columns.window(w, j), *g, o),
                (_taken(of_rows, rows, i), _taken(of_columns, columns, j), *g, o, c),
            ),
            (*extents, *_several(groups), channels),
            (len(of_rows.places), len(of_columns.places), outputs // groups),
        )
        return Reshape.to(result, (*extents, shape[3]))

    return joined_phases(part, around)


def _dims(names: str, groups: int) -> tuple[list[Affine], list[Affine]]:
    """The dims in the order of their names, but for g, and in a list of its own that one, where there are groups."""
    present = names if groups > 1 else names.replace("g", "")
    found = {name: Affine.dim(len(present), at) for at, name in enumerate(present)}
    return [dim for name, dim in found.items() if name != "g"], [found["g"]] if groups > 1 else []


def _several(groups: int) -> list[int]:
    """The extent of the dim of the groups, where there is one."""
    return [groups] if groups > 1 else []


def _in_groups(x: Tensor, groups: int) -> Tensor:
    """Splits the last axis by group, where there are groups."""
    *extents, channels = x.extents
    return Reshape.to(x, (*extents, groups, channels // groups)) if groups > 1 else x


def _read(windows: Windows, at: Sequence[Affine], place: Sequence[Affine]) -> list[Affine]:
    """The row and the column of padded images that windows read at a place in them."""
    axes = zip(at, place, windows.strides, windows.dilations, strict=True)
    return [a * stride + p * dilation for a, p, stride, dilation in axes]


def _turned(filters: Tensor, groups: int) -> Tensor:
    """Filters with places in reverse order, and for each output of a group the channels: (i, j, g, o, c)."""
    flipped = _in_groups(Flip.along(filters, (0, 1)), groups)
    return Transpose.ordered(flipped, (0, 1, 3, 4, 2) if groups > 1 else (0, 1, 3, 2))


def _taken(phase: Phase, size: int, number: Affine) -> Affine:
    """The position of each of the places of a phase in filters that were turned around."""
    first, *others = phase.places
    return size - 1 - first + number * (first - others[0] if others else 0)
