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

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.along_axes.repeating import Flip
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
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
from pullback.dialects.graph.windows.filters import Convolution, by_group, groups_of, joined, rows_of
from pullback.dialects.graph.windows.windows import Padding, Pair, window_count, window_properties

FEW_CHANNELS = 8
"""The fewest columns of a matrix product worth a kernel: fewer leave most lanes of a vector empty."""
BLOCK_BYTES, LEAST_ROWS = 2**18, 32
"""The bytes of a block that fit a core's second-level cache, and the fewest rows of a block worth its partial sum."""


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
        columns = self.columns(x, filters.extents)
        return None if columns is None else MatMul.of(columns, rows_of(filters))

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
    """The transposed convolution: each output times the filter is added to its window (no conjugate)."""

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
        wide = widened(dy)
        patches = np.matmul(by_group(wide, groups), by_group(widened(filters), groups).swapaxes(1, 2))
        by_place = patches.reshape(groups, *dy.shape[:3], math.prod(filters.shape[:2]), filters.shape[2])
        parts = (
            part.transpose(1, 2, 3, 0, 4).reshape(*dy.shape[:3], shape[3])
            for part in np.moveaxis(by_place, 4, 0)
        )
        made = self.windows(filters.shape).combined(parts, shape, wide.dtype, self.name)
        return made.astype(dy.dtype, copy=False)

    def expand(self) -> Tensor | None:
        filters, dy = (Tensor(v) for v in self._operands)
        shape = shape_of_type(self.result_types[0])
        if self.is_pointwise(shape, filters.extents):
            return MatMul.product(dy, rows_of(filters), transpose_b=True)
        windows = self.windows(filters.extents)
        margins = [
            (reach - 1 - before, reach - 1 - after)
            for reach, (before, after) in zip(windows.reach, windows.pads(shape[1:3]), strict=True)
        ]
        has_groups = shape[3] != filters.extents[2]
        if windows.strides != (1, 1) or has_groups or min(map(min, margins)) < 0 or shape[3] < FEW_CHANNELS:
            return None
        turned = Transpose.ordered(Flip.along(filters, (0, 1)), (0, 1, 3, 2))
        return Conv2D.apply(dy, turned, (1, 1), (margins[0], margins[1]), windows.dilations)

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
        columns = self.columns(images, shape)
        summed = None if columns is None else _summed_by_blocks(rows_of(columns), rows_of(dy))
        return None if summed is None else Reshape.to(summed, shape)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        images, outputs = (Tensor(v) for v in self._operands[:2])
        return (
            Conv2DInputGradient.like(dy, conj(outputs), images, self.properties),
            Conv2D.of(conj(images), dy, **self.properties),
            *[None] * (len(self._operands) - 2),
        )


def _summed_by_blocks(columns: Tensor, dy: Tensor) -> Tensor | None:
    """Computes `columns` transposed times `dy`, blocked: as the sum of products of blocks of rows.

    A product reads its transposed operand again for each few rows of the result: a block stays in the cache. Returns
    `None` where the blocks' products would be larger than their operands: there the host is faster.
    """
    (rows, width), outputs = columns.extents, dy.extents[1]
    if rows * width * 4 <= BLOCK_BYTES:
        return MatMul.product(columns, dy, transpose_a=True)
    fitting = BLOCK_BYTES // (4 * width)
    block = next((n for n in range(fitting, 0, -1) if rows % n == 0), 0)
    if block < max(outputs, LEAST_ROWS):
        return None
    parts = [Reshape.to(x, (rows // block, block, x.extents[1])) for x in (columns, dy)]
    return Sum.over(MatMul.product(*parts, transpose_a=True), [0])
