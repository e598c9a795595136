"""Sliding windows over images (N, H, W, C): size, stride, padding and dilation, and the elements that each reads.

The output extents and paddings of `SAME` are TensorFlow's: as many windows as strides fit into the image, and the
padding that these need, the smaller half of it before the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, StringAttr
from xdsl.ir import Attribute

from pullback.dialects.graph.op.graph_op import Properties
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.types import GraphError, format_shape

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = tuple[Pair, Pair] | Literal["SAME"]
"""Padding of rows before and after, and of columns before and after; `SAME` derives it from the image's extents."""
Array: TypeAlias = npt.NDArray[Any]


def same_padding(extent: int, size: int, stride: int, dilation: int = 1) -> Pair:
    """Computes the padding of `SAME` before and after an axis of this extent."""
    windows = -(-extent // stride)
    total = max((windows - 1) * stride + (size - 1) * dilation + 1 - extent, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Windows:
    """Windows over the two middle axes: their size (`DYNAMIC_INDEX` where not known), strides, padding and dilation."""

    size: Pair
    strides: Pair
    dilations: Pair
    padding: Padding

    @classmethod
    def of(cls, size: Sequence[int], properties: Properties) -> Windows:
        """Reads windows from checked properties of an operation."""
        rows, columns = size
        dilations = integer_list(properties, "dilations") if "dilations" in properties else (1, 1)
        padding: Padding = "SAME"
        if not isinstance(properties["padding"], StringAttr):
            top, bottom, left, right = integer_list(properties, "padding")
            padding = (top, bottom), (left, right)
        return cls((rows, columns), _pair(integer_list(properties, "strides")), _pair(dilations), padding)

    @property
    def reach(self) -> Pair:
        """The extents of a window in the image, dilation included."""
        rows, columns = (
            DYNAMIC_INDEX if n == DYNAMIC_INDEX else (n - 1) * d + 1
            for n, d in zip(self.size, self.dilations, strict=True)
        )
        return rows, columns

    def pads(self, image: Sequence[int]) -> tuple[Pair, Pair]:
        """Computes the padding of rows and of columns, each before and after, for an image of these (known) extents."""
        if self.padding != "SAME":
            return self.padding
        rows, columns = (
            same_padding(*axis) for axis in zip(image, self.size, self.strides, self.dilations, strict=True)
        )
        return rows, columns

    def slices(self, count: Pair) -> Iterator[tuple[slice, slice]]:
        """Yields, for each position in the window (row-major), the slices of rows and columns read there."""
        for place in np.ndindex(self.size):
            rows, columns = (
                slice(at * d, at * d + max((n - 1) * s + 1, 0), s)
                for at, n, s, d in zip(place, count, self.strides, self.dilations, strict=True)
            )
            yield rows, columns

    # ---- NumPy ------------------------------------------------------------------------------------------

    def padded(self, x: Array, value: Any, op: str) -> Array:
        """Pads images with this value."""
        window_count(op, self, x.shape[1:3])
        pads = self.pads(x.shape[1:3])
        return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=value) if np.any(pads) else x

    def views(self, padded: Array, count: Pair) -> Iterator[Array]:
        """Yields, for each position in the window, the elements of all windows there: (N, rows, columns, C)."""
        return (padded[:, rows, columns] for rows, columns in self.slices(count))

    def patches(self, x: Array, op: str) -> Array:
        """Extracts the elements of each window, 0 for padding: (N, rows, columns, positions in the window, C)."""
        count = window_count(op, self, x.shape[1:3])
        images, _, _, channels = x.shape
        made = np.empty((images, *count, self.size[0] * self.size[1], channels), x.dtype)
        for place, view in enumerate(self.views(self.padded(x, 0, op), count)):
            made[:, :, :, place] = view
        return made

    def beyond(self, image: Pair, count: Pair) -> tuple[Pair, Pair]:
        """Counts the windows before the first and after the last, of rows and of columns, that reach into an image."""
        axes = zip(image, count, self.strides, self.reach, self.pads(image), strict=True)
        rows, columns = (
            (max(0, (reach - 1 - before) // stride), max(0, (extent - 1 + before) // stride - (n - 1)))
            for extent, n, stride, reach, (before, _) in axes
        )
        return rows, columns

    def with_those_beyond(self, image: Pair, count: Pair) -> Windows:
        """These windows of an image together with those `beyond` its edges."""
        axes = zip(
            *(image, count, self.beyond(image, count), self.strides, self.reach, self.pads(image)),
            strict=True,
        )
        rows, columns = (
            (before + low * stride, max(0, (n - 1 + high) * stride + reach - before - extent))
            for extent, n, (low, high), stride, reach, (before, _) in axes
        )
        return replace(self, padding=(rows, columns))

    def combined(self, parts: Iterable[Array], shape: Sequence[int], dtype: np.dtype[Any], op: str) -> Array:
        """Adds the windows' values up to images of this shape: the transpose of `patches`.

        There is one part for each position in the window, as in `views`.
        """
        images, rows, columns, channels = shape
        (top, bottom), (left, right) = self.pads((rows, columns))
        padded = np.zeros((images, top + rows + bottom, left + columns + right, channels), dtype)
        count = window_count(op, self, (rows, columns))
        for view, part in zip(self.views(padded, count), parts, strict=True):
            view += part
        return padded[:, top : top + rows, left : left + columns]


def window_count(op: str, windows: Windows, image: Sequence[int]) -> Pair:
    """Counts the windows along rows and columns of an image; `GraphError` where none fits into a non-empty one."""
    rows, columns = (_along(op, windows, axis, extent) for axis, extent in enumerate(image))
    return rows, columns


def _along(op: str, windows: Windows, axis: int, extent: int) -> int:
    stride, reach = windows.strides[axis], windows.reach[axis]
    if extent == DYNAMIC_INDEX:
        return DYNAMIC_INDEX
    if windows.padding == "SAME":
        return -(-extent // stride)
    if reach == DYNAMIC_INDEX:
        return DYNAMIC_INDEX
    padded = extent + sum(windows.padding[axis])
    if padded < reach and extent == 0:
        return 0
    if padded < reach:
        what = ("rows", "columns")[axis]
        raise GraphError(
            f"{op}: windows_c4: a window must fit into the padded image, got one of {reach} {what} and {padded} {what}"
        )
    return (padded - reach) // stride + 1


def _pair(values: Sequence[int]) -> Pair:
    first, second = values
    return first, second


# ---- properties -----------------------------------------------------------------------------------------------


def window_properties(strides: Pair, padding: Padding, dilations: Pair | None = None) -> dict[str, Attribute]:
    """Stores strides, padding and dilations as properties of an operation."""
    made: dict[str, Attribute] = {"strides": integers(strides)}
    if dilations is not None:
        made["dilations"] = integers(dilations)
    made["padding"] = StringAttr("SAME") if padding == "SAME" else integers([*padding[0], *padding[1]])
    return made


def check_windows(op: str, properties: Properties) -> None:
    """Checks the properties that describe `Windows`."""
    for name in ("window", "strides", "dilations"):
        if name in properties:
            values = integer_list(properties, name)
            if len(values) != 2 or min(values) < 1:
                raise GraphError(
                    f"{op}: windows_c1: {name} must be two numbers from 1 on, for rows and columns, got {values}"
                )
    padding = properties["padding"]
    if isinstance(padding, DenseArrayBase):
        given = integer_list(properties, "padding")
        if len(given) != 4 or min(given) < 0:
            raise GraphError(
                f"{op}: windows_c2: padding must be rows before and after, columns before and after, from 0 on, or "
                f'"SAME", got {given}'
            )
    elif padding != StringAttr("SAME"):
        raise GraphError(f'{op}: windows_c3: the only padding with a name is "SAME", got {padding}')


def check_images(op: str, type_shape: Sequence[int], what: str) -> None:
    """Checks that images have four axes."""
    if len(type_shape) != 4:
        raise GraphError(
            f"{op}: rank_c4: {what} must have rank 4 (N, H, W, C), got {format_shape(type_shape)}"
        )
