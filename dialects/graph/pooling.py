"""Pooling of images (N, H, W, C): one value for each window and channel, and what of it comes back.

Padding is no part of an image: it is never the largest element, and not counted in an average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, opt_operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.attributes import integer_list, integers
from pullback.dialects.graph.base import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.checks import check_operand_dtypes, check_shape_operand
from pullback.dialects.graph.families import OfDtypes, check_dtype, real_numeric
from pullback.dialects.graph.numerics import widened
from pullback.dialects.graph.shapes import dynamic_shape
from pullback.dialects.graph.types import (
    GraphError,
    Shape,
    compatible_shapes,
    element_type_of,
    format_shape,
    is_float,
    is_inexact,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.value import Tensor
from pullback.dialects.graph.windows import (
    Padding,
    Pair,
    Windows,
    check_images,
    check_windows,
    window_count,
    window_properties,
)


class Pooling(OfDtypes):
    """What the operations share: where the windows are."""

    result = result_def(AnyAttr())
    window = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    padding = prop_def(base(DenseArrayBase) | base(StringAttr))
    traits = traits_def(Pure())

    @property
    def windows(self) -> Windows:
        return Windows.of(integer_list(self.properties, "window"), self.properties)

    @classmethod
    def pooled(cls, images: Attribute, properties: Properties) -> Shape:
        """The shape of what is pooled from images of this type; `GraphError` where there is none."""
        check_dtype(cls, element_type_of(images))
        check_windows(cls.name, properties)
        shape = shape_of_type(images)
        check_images(cls.name, shape, "images")
        windows = Windows.of(integer_list(properties, "window"), properties)
        if windows.padding != "SAME" and any(
            max(pads) >= size for pads, size in zip(windows.padding, windows.size, strict=True)
        ):
            raise GraphError(
                f"{cls.name}: windows_c5: padding must be less than a window, got {windows.padding} for {windows.size}"
            )
        return (shape[0], *window_count(cls.name, windows, shape[1:3]), shape[3])

    @classmethod
    def check_pooled(cls, images: Attribute, dy: Attribute, properties: Properties) -> None:
        """Outputs, or their gradient, are those of these images."""
        expected = cls.pooled(images, properties)
        check_operand_dtypes(cls.name, images, dy)
        if not compatible_shapes(shape_of_type(dy), expected):
            raise GraphError(
                f"{cls.name}: gradient_c1: dy must have the shape of what is pooled, {format_shape(expected)}, got {dy}"
            )


class Pool(Pooling):
    """Images, pooled."""

    images = operand_def(AnyAttr())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (images,) = operands
        return [tensor_type(element_type_of(images), cls.pooled(images, properties))]

    @classmethod
    def apply(cls, x: Tensor, window: Pair, strides: Pair, padding: Padding) -> Tensor:
        """`x`, pooled."""
        return cls.of(x, window=integers(window), **window_properties(strides, padding))


# ---- the largest element ----------------------------------------------------------------------------------------


@graph_op
class MaxPool2D(Pool):
    """The largest element of each window, NaN if any is; the first of equal ones gets the gradient."""

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

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (MaxPool2DGradient.of(self.x, dy, **self.properties),)


def _lowest(type_: Attribute) -> Any:
    element_type = element_type_of(type_)
    return -np.inf if is_float(element_type) else np.iinfo(numpy_dtype(element_type)).min


class AtLargest(Pooling):
    """What has to do with the places of the largest elements of windows, which do not change with them."""

    DTYPES: ClassVar = is_float
    images = operand_def(AnyAttr())

    def places(self, x: Array) -> tuple[Array, Pair]:
        """For each window the number of the place in it of its (first) largest element; how many windows."""
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
    """The transpose of `max_pool2d_select`: zeros, with each element of dy added at the largest of its window."""

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

    def gradient(self, dy: Tensor) -> GradientTerms:
        return None, MaxPool2DSelect.of(Tensor(self._operands[0]), dy, **self.properties)


@graph_op
class MaxPool2DSelect(AtLargest):
    """Of other images, for each window, the element where the largest of the window is in these."""

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

    def gradient(self, dy: Tensor) -> GradientTerms:
        return None, MaxPool2DGradient.of(Tensor(self._operands[0]), dy, **self.properties)


# ---- the average ------------------------------------------------------------------------------------------------


class Averages(Pooling):
    """What has to do with averages, and with how many elements are in each."""

    DTYPES: ClassVar = is_inexact

    def sizes(self, image: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """How many elements of the image each window has: (1, rows, columns, 1)."""
        inside = self.windows.patches(np.ones((1, *image, 1), dtype), self.name)
        return np.sum(inside, axis=3)


@graph_op
class AvgPool2D(Averages, Pool):
    """The average of each window, over the elements that are in the image."""

    name = "graph.avg_pool2d"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        '%r = graph.avg_pool2d %m {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = "SAME"}\n'
        "      : (IMAGE) -> tensor<2x3x3x3xf32>",
    )

    def numpy(self, *operands: Array) -> Any:
        x = widened(operands[0])
        count = window_count(self.name, self.windows, x.shape[1:3])
        total = np.zeros((len(x), *count, x.shape[3]), x.dtype)
        for view in self.windows.views(self.windows.padded(x, 0, self.name), count):
            total += view
        return (total / self.sizes(x.shape[1:3], x.dtype)).astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (AvgPool2DGradient.like(dy, self.x, self.properties),)


@graph_op
class AvgPool2DGradient(Averages):
    """Images to each element of which its windows give their share of dy; their shape is the result's."""

    name = "graph.avg_pool2d_gradient"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.avg_pool2d_gradient %m {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, "
        'padding = "SAME"}\n      : (IMAGE) -> tensor<2x9x9x3xf32>',
    )
    SHAPE_OPERAND: ClassVar = 1
    dy = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())

    @classmethod
    def like(cls, dy: Tensor, images: Tensor, properties: Properties) -> Tensor:
        """For averages of images of this shape."""
        return cls.emit_as([dy.value, *dynamic_shape(images)], images.type, properties)

    def verify_(self) -> None:
        check_shape_operand(self, self._operands[1:], self.result_types[0])
        self.check_pooled(self.result_types[0], self.operand_types[0], self.properties)

    def numpy(self, *operands: Array) -> Any:
        dy = widened(operands[0])
        shape = self.runtime_shape(operands)
        parts = [dy / self.sizes(shape[1:3], dy.dtype)] * math.prod(self.windows.size)
        summed = self.windows.combined(parts, shape, dy.dtype, self.name)
        return summed.astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (AvgPool2D.of(dy, **self.properties), *[None] * (len(self._operands) - 1))
