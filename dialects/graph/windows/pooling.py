"""Max pooling of images (N, H, W, C) over windows, per channel, and its gradient.

Padding is never the largest element.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def

from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Maximum, Where
from pullback.dialects.graph.elementwise.comparisons import Equal
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.families import real_numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    is_float,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.windows.phases import added_to_windows, phases_of, reaching
from pullback.dialects.graph.windows.pool_families import Pool, Pooling
from pullback.dialects.graph.windows.two_passes import along_columns, along_rows, takes_two_passes
from pullback.dialects.graph.windows.window_views import (
    PLACE,
    at_largest,
    beside_places,
    by_place,
    by_window,
    first_largest,
    first_places,
    has_few_places,
    is_padded,
    tiled,
    tiles,
    window_views,
)
from pullback.dialects.graph.windows.windows import (
    Pair,
    window_count,
)


@graph_op
class MaxPool2D(Pool):
    """Max pooling: the largest element of each window, NaN if any is; the first of equal ones gets the gradient."""

    name = "graph.max_pool2d"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        '%r = graph.max_pool2d %m {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = "SAME"}\n'
        "      : (IMAGE) -> tensor<2x3x3x3xf32>",
    )
    DTYPES: ClassVar = real_numeric

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        count = window_count(self.name, self.windows, x.shape[1:3])
        lowest = _lowest(self.images.type)
        largest = np.full((len(x), *count, x.shape[3]), lowest, x.dtype)
        for view in self.windows.views(self.windows.padded(x, lowest, self.name), count):
            largest = np.maximum(largest, view)
        return largest

    def expand(self) -> Tensor | None:
        if takes_two_passes(self.windows):
            pooled = MaxPool2D.of(self.x, **along_rows(self.windows))
            return MaxPool2D.of(pooled, **along_columns(self.windows))
        if not has_few_places(self.windows):
            return self._of_tiles() if tiles(self.windows, self.x.extents[1:3]) else None
        if self._has_gradient() and tiles(self.windows, self.x.extents[1:3]):
            return first_largest(window_views(self.name, self.x, self.windows))[0]
        return reduce(Maximum.of, window_views(self.name, self.x, self.windows, _lowest(self.x.type)))

    def _of_tiles(self) -> Tensor:
        return Reshape.to(
            Max.over(by_window(self.x, self.windows), (2, 4)), shape_of_type(self.result_types[0])
        )

    def _has_gradient(self) -> bool:
        """Tells whether its gradient is asked for, which compares the same elements to find the largest one."""
        users = [use.operation for use in self.images.uses]
        return any(isinstance(op, MaxPool2DGradient) and op.properties == self.properties for op in users)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (MaxPool2DGradient.of(self.x, dy, **self.properties),)


def _lowest(type_: Attribute) -> Any:
    element_type = element_type_of(type_)
    return -np.inf if is_float(element_type) else np.iinfo(numpy_dtype(element_type)).min


class AtLargest(Pooling):
    """An operation at the positions of windows' largest elements (argmax), which have no gradient themselves."""

    DTYPES: ClassVar = is_float
    images = operand_def(AnyAttr())

    def places(self, x: Array) -> tuple[Array, Pair]:
        """Computes for each window the position in it of its (first) largest element; also the number of windows."""
        windows = self.windows
        count = window_count(self.name, windows, x.shape[1:3])
        inside = windows.padded(np.ones((1, *x.shape[1:3], 1), bool), False, self.name)
        padded = windows.padded(x, 0, self.name)
        largest = np.zeros((len(x), *count, x.shape[3]), x.dtype)
        found = np.full(largest.shape, -1, np.int32)
        pairs = zip(windows.views(padded, count), windows.views(inside, count), strict=True)
        for place, (view, exists) in enumerate(pairs):
            is_larger = exists & ((found < 0) | (view > largest) | (np.isnan(view) & ~np.isnan(largest)))
            np.copyto(found, place, where=is_larger)
            np.copyto(largest, view, where=is_larger)
        return found, count


@graph_op
class MaxPool2DGradient(AtLargest):
    """The gradient of `max_pool2d`: zeros with each element of dy added at the largest element of its window."""

    name = "graph.max_pool2d_gradient"
    ADDS: ClassVar = slice(1, 2)
    EXAMPLES: ClassVar = (
        "%r = graph.max_pool2d_gradient %m, %m {window = array<i64: 3, 3>, strides = array<i64: 1, 1>, "
        'padding = "SAME"}\n      : IMAGE',
    )
    dy = operand_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        images, dy = operands
        cls.check_pooled(images, dy, properties)
        return [images]

    def numpy(self, *operands: Array) -> Any:
        x, dy = operands
        found, _ = self.places(x)
        each = widened(dy)
        zero = each.dtype.type(0)
        parts = (np.where(found == place, each, zero) for place in range(math.prod(self.windows.size)))
        return self.windows.combined(parts, x.shape, each.dtype, self.name).astype(dy.dtype, copy=False)

    def expand(self) -> Tensor | None:
        """Gives each element its window's dy, or 0; where windows overlap, it adds up those of all windows."""
        x, dy = (Tensor(v) for v in self._operands)
        if takes_two_passes(self.windows):
            first, second = along_rows(self.windows), along_columns(self.windows)
            back = MaxPool2DGradient.of(MaxPool2D.of(x, **first), dy, **second)
            return MaxPool2DGradient.of(x, back, **first)
        if 0 in (*x.extents, *dy.extents):
            return None
        is_tiled = tiles(self.windows, x.extents[1:3])
        if not has_few_places(self.windows):
            if not is_tiled:
                return None
            is_largest = at_largest(by_window(x, self.windows))
            return tiled(Where.of(is_largest, beside_places(dy), 0), self.windows, x.extents)
        if not is_tiled:
            return self._of_overlapping(x, dy)
        _, larger = first_largest(window_views(self.name, x, self.windows))
        found = Fill.full(0, tensor_type(PLACE, dy.extents))
        for place, is_larger in enumerate(larger, 1):
            found = Where.of(is_larger, place, found)
        is_at_place = Equal.of(beside_places(found), by_place(self.windows))
        return tiled(Where.of(is_at_place, beside_places(dy), 0), self.windows, x.extents)

    def _of_overlapping(self, x: Tensor, dy: Tensor) -> Tensor:
        """Adds to each element dy of the windows that have it as their (first) largest one."""
        windows = self.windows
        around = phases_of(windows, x.extents[1:3], (dy.extents[1], dy.extents[2]))
        places = first_places(self.name, x, windows)

        def term(place: int, those: tuple[slice, slice]) -> Tensor:
            is_at_place = Equal.of(reaching(places, around, those, -1), place)
            return Where.of(is_at_place, reaching(dy, around, those), 0)

        def zero(extents: Pair) -> Tensor:
            return Fill.full(0, tensor_type(dy.element_type, (x.extents[0], *extents, x.extents[3])))

        return added_to_windows(term, windows, around, zero)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return None, MaxPool2DSelect.of(Tensor(self._operands[0]), dy, **self.properties)


@graph_op
class MaxPool2DSelect(AtLargest):
    """Elements of other images at the positions of these images' largest elements, one per window.

    It is the transpose of `max_pool2d_gradient`, and so its gradient.
    """

    name = "graph.max_pool2d_select"
    ADDS: ClassVar = slice(1, 2)
    EXAMPLES: ClassVar = (
        "%r = graph.max_pool2d_select %m, %m {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, "
        'padding = "SAME"}\n      : (IMAGE, IMAGE) -> tensor<2x3x3x3xf32>',
    )
    others = operand_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        images, others = operands
        if not compatible_shapes(shape_of_type(images), shape_of_type(others)) or element_type_of(
            images
        ) != element_type_of(others):
            raise GraphError(f"{cls.name}: others_c1: operands must have one type, got {images} and {others}")
        return [tensor_type(element_type_of(images), cls.pooled(images, properties))]

    def numpy(self, *operands: Array) -> Any:
        x, others = operands
        found, count = self.places(x)
        selected = np.zeros(found.shape, x.dtype)
        views = self.windows.views(self.windows.padded(others, 0, self.name), count)
        for place, view in enumerate(views):
            selected = np.where(found == place, view, selected)
        return selected

    def expand(self) -> Tensor | None:
        x, others = (Tensor(v) for v in self._operands)
        if takes_two_passes(self.windows):
            first, second = along_rows(self.windows), along_columns(self.windows)
            selected = MaxPool2DSelect.of(x, others, **first)
            return MaxPool2DSelect.of(MaxPool2D.of(x, **first), selected, **second)
        if not has_few_places(self.windows):
            if not tiles(self.windows, x.extents[1:3]):
                return None
            taken = Where.of(at_largest(by_window(x, self.windows)), by_window(others, self.windows), 0)
            return Reshape.to(Sum.over(taken, (2, 4)), shape_of_type(self.result_types[0]))
        if is_padded(self.windows, x.extents[1:3]):
            places, views = (
                first_places(self.name, x, self.windows),
                window_views(self.name, others, self.windows),
            )
            return reduce(
                lambda selected, at: Where.of(Equal.of(places, at), views[at], selected),
                range(1, len(views)),
                views[0],
            )
        _, larger = first_largest(window_views(self.name, x, self.windows))
        selected, *views = window_views(self.name, others, self.windows)
        for is_larger, view in zip(larger, views, strict=True):
            selected = Where.of(is_larger, view, selected)
        return selected

    def gradient(self, dy: Tensor) -> GradientTerms:
        return None, MaxPool2DGradient.of(Tensor(self._operands[0]), dy, **self.properties)
