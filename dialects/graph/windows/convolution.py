"""Convolutions of images (N, H, W, C) with filters (rows, columns, C / groups, outputs), and their transposes.

The three operations are linear in each of two operands, and the gradients of each are the other two, to any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.op.checks import check_operand_dtypes, check_shape_operand
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import multiplied, widened
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.windows.channelwise import (
    channelwise,
    channelwise_filter_gradient,
    channelwise_image_gradient,
    is_channelwise,
)
from pullback.dialects.graph.windows.filters import Convolution, by_group, groups_of, joined, rows_of
from pullback.dialects.graph.windows.window_products import convolved, filter_gradient, image_gradient
from pullback.dialects.graph.windows.window_views import has_few_places
from pullback.dialects.graph.windows.windows import Padding, Pair, window_count, window_properties


@graph_op
class Conv2D(Convolution):
    """The sum, over a window and its channels, of the image times the filter: TensorFlow's convolution."""

    name = "graph.conv2d"
    EXAMPLES: ClassVar = (
        """%r = graph.conv2d %m, %f {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, \
padding = array<i64: 0, 1, 0, 1>}
      : (IMAGE, FILTER) -> tensor<2x3x3x4xf32>""",
    )
    images = operand_def(AnyAttr())
    filters = operand_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        images, filters = operands
        return [tensor_type(element_type_of(images), cls.convolved(images, filters, properties))]

    @classmethod
    def apply(
        cls, x: Tensor, filters: Tensor, strides: Pair, padding: Padding, dilations: Pair = (1, 1)
    ) -> Tensor:
        """Emits the convolution of `x` with `filters`."""
        return cls.of(x, filters, **window_properties(strides, padding, dilations))

    def numpy(self, *operands: Array) -> Any:
        x, filters = operands
        groups = groups_of(x.shape[3], filters.shape[2])
        y = multiplied(self.patches(x, filters.shape, groups), by_group(filters, groups))
        count = window_count(self.name, self.windows(filters.shape), x.shape[1:3])
        return joined(y).reshape(len(x), *count, filters.shape[3])

    def expand(self) -> Tensor | None:
        x, filters = (Tensor(v) for v in self._operands)
        if self.is_pointwise(x.extents, filters.extents):
            return MatMul.of(x, rows_of(filters))
        windows = self.windows(filters.extents)
        if is_channelwise(x.extents, filters.extents) and has_few_places(windows):
            return channelwise(self.name, x, filters, windows)
        if not all((*x.extents, *filters.extents)):
            return Fill.full(0, self.result_types[0])
        return convolved(x, filters, windows, window_count(self.name, windows, x.extents[1:3]))

    def gradient(self, dy: Tensor) -> GradientTerms:
        x, filters = (Tensor(v) for v in self._operands)
        return (
            Conv2DInputGradient.like(conj(filters), dy, x, self.properties),
            Conv2DFilterGradient.like(conj(x), dy, filters, self.properties),
        )


class ConvolutionGradient(Convolution):
    """A transpose (adjoint) of a convolution: the result has the shape of one of its operands, given by its type."""

    SHAPE_OPERAND: ClassVar = 2
    WRT: ClassVar[int]
    """The position of the operand of the convolution whose gradient this is."""

    @classmethod
    def like(cls, other: Tensor, dy: Tensor, wrt: Tensor, properties: Properties) -> Tensor:
        """Emits the gradient with respect to `wrt` of the convolution with `other` that has these properties."""
        operands = [other.value, dy.value, *dynamic_shape(wrt)]
        return cls.emit_as(operands, tensor_type(dy.element_type, wrt.extents), properties)

    @classmethod
    def to(
        cls, other: Tensor, dy: Tensor, shape: Sequence[int], runtime: Tensor | None, properties: Properties
    ) -> Tensor:
        """Emits the gradient of this shape; `runtime` gives the extents (i64) that are not known."""
        operands = [other.value, dy.value] if runtime is None else [other.value, dy.value, runtime.value]
        made = cls.emit_as(operands, tensor_type(dy.element_type, shape), properties)
        made.op.verify_()
        return made

    def verify_(self) -> None:
        other, dy = self.operand_types[:2]
        result = self.result_types[0]
        check_shape_operand(self, self._operands[2:], result)
        images, filters = (result, other) if self.WRT == 0 else (other, result)
        convolved = self.convolved(images, filters, self.properties)
        check_operand_dtypes(self.name, other, dy)
        if not compatible_shapes(shape_of_type(dy), convolved):
            raise GraphError(
                f"{self.name}: gradient_c1: dy must have the shape of the convolution, {format_shape(convolved)}, "
                f"got {dy}"
            )


@graph_op
class Conv2DInputGradient(ConvolutionGradient):
    """The transposed convolution: each output times the filter is added to its window (no conjugate).

    Windows beyond the edges that still reach into the image have outputs of 0, which are multiplied as well: where a
    filter is infinite or NaN, elements near an edge are NaN, as in JAX.
    """

    name = "graph.conv2d_input_gradient"
    EXAMPLES: ClassVar = (
        """%r = graph.conv2d_input_gradient %f, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, \
padding = array<i64: 0, 0, 0, 0>}
      : (FILTER, FILTER) -> tensor<2x3x4x3xf32>""",
    )
    WRT: ClassVar = 0
    filters = operand_def(AnyAttr())
    dy = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())

    def numpy(self, *operands: Array) -> Any:
        filters, dy = operands[:2]
        shape = self.runtime_shape(operands)
        groups = groups_of(shape[3], filters.shape[2])
        windows, wide = self.windows(filters.shape), widened(dy)
        if all((*shape, *dy.shape)):
            image, count = (shape[1], shape[2]), (dy.shape[1], dy.shape[2])
            wide = np.pad(wide, ((0, 0), *windows.beyond(image, count), (0, 0)))
            windows = windows.with_those_beyond(image, count)
        patches = np.matmul(by_group(wide, groups), by_group(widened(filters), groups).swapaxes(1, 2))
        by_place = patches.reshape(groups, *wide.shape[:3], math.prod(filters.shape[:2]), filters.shape[2])
        parts = (
            part.transpose(1, 2, 3, 0, 4).reshape(*wide.shape[:3], shape[3])
            for part in np.moveaxis(by_place, 4, 0)
        )
        made = windows.combined(parts, shape, wide.dtype, self.name)
        return made.astype(dy.dtype, copy=False)

    def expand(self) -> Tensor | None:
        filters, dy = (Tensor(v) for v in self._operands)
        shape = shape_of_type(self.result_types[0])
        if self.is_pointwise(shape, filters.extents):
            return MatMul.product(dy, rows_of(filters), transpose_b=True)
        windows = self.windows(filters.extents)
        if is_channelwise(shape, filters.extents) and has_few_places(windows):
            return channelwise_image_gradient(filters, dy, windows, shape)
        if not all((*shape, *filters.extents, *dy.extents)):
            return Fill.full(0, self.result_types[0])
        return image_gradient(filters, dy, windows, shape)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        filters, outputs = (Tensor(v) for v in self._operands[:2])
        return (
            Conv2DFilterGradient.like(dy, conj(outputs), filters, self.properties),
            Conv2D.of(dy, conj(filters), **self.properties),
            *[None] * (len(self._operands) - 2),
        )


@graph_op
class Conv2DFilterGradient(ConvolutionGradient):
    """The filters' gradient: the sum over windows of the image times the output (no conjugate)."""

    name = "graph.conv2d_filter_gradient"
    EXAMPLES: ClassVar = (
        """%r = graph.conv2d_filter_gradient %m, %m {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, \
padding = array<i64: 1, 1, 1, 1>}
      : (IMAGE, IMAGE) -> tensor<3x3x3x3xf32>""",
    )
    WRT: ClassVar = 1
    images = operand_def(AnyAttr())
    dy = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())

    def numpy(self, *operands: Array) -> Any:
        x, dy = operands[:2]
        filters = self.runtime_shape(operands)
        groups = groups_of(x.shape[3], filters[2])
        patches = self.patches(x, filters, groups)
        return joined(multiplied(patches.swapaxes(1, 2), by_group(dy, groups))).reshape(filters)

    def expand(self) -> Tensor | None:
        images, dy = (Tensor(v) for v in self._operands)
        shape = shape_of_type(self.result_types[0])
        if self.is_pointwise(images.extents, shape):
            return Reshape.to(MatMul.product(rows_of(images), rows_of(dy), transpose_a=True), shape)
        windows = self.windows(shape)
        if is_channelwise(images.extents, shape) and has_few_places(windows):
            return channelwise_filter_gradient(self.name, images, dy, windows, shape)
        if not all((*shape, *images.extents, *dy.extents)):
            return Fill.full(0, self.result_types[0])
        return filter_gradient(images, dy, windows, shape)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        images, outputs = (Tensor(v) for v in self._operands[:2])
        return (
            Conv2DInputGradient.like(dy, conj(outputs), images, self.properties),
            Conv2D.of(conj(images), dy, **self.properties),
            *[None] * (len(self._operands) - 2),
        )
