"""Depthwise convolution of images (N, H, W, C): each channel with filters of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def

from pullback.dialects.graph.by_index.extents import extent_of, extents_of
from pullback.dialects.graph.by_index.index import unstacked
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    is_static,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.windows.convolution import Conv2DFilterGradient, Conv2DInputGradient
from pullback.dialects.graph.windows.filters import Convolution
from pullback.dialects.graph.windows.window_views import has_few_places, window_views
from pullback.dialects.graph.windows.windows import Padding, Pair, Windows, window_count, window_properties


@graph_op
class DepthwiseConv2D(Convolution):
    """The depthwise convolution: each channel alone, with filters (rows, columns, C, outputs).

    The outputs of the first channel come first.
    """

    name = "graph.depthwise_conv2d"
    EXAMPLES: ClassVar = (
        """%r = graph.depthwise_conv2d %m, %f {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, \
padding = array<i64: 0, 1, 0, 1>}
      : (IMAGE, FILTER) -> tensor<2x3x3x12xf32>""",
    )
    images = operand_def(AnyAttr())
    filters = operand_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        images, filters = operands
        cls.check_operands(images, filters, properties)
        x, f = shape_of_type(images), shape_of_type(filters)
        if not compatible_shapes(x[3:], f[2:3]):
            raise GraphError(
                f"{cls.name}: channels_c3: filters must have the channels of the images, got {f[2]} and {x[3]}"
            )
        counts = window_count(cls.name, Windows.of(f[:2], properties), x[1:3])
        outputs = DYNAMIC_INDEX if DYNAMIC_INDEX in f[2:] else f[2] * f[3]
        return [tensor_type(element_type_of(images), (x[0], *counts, outputs))]

    @classmethod
    def apply(
        cls, x: Tensor, filters: Tensor, strides: Pair, padding: Padding, dilations: Pair = (1, 1)
    ) -> Tensor:
        """Emits the convolution of each channel of `x` with its filters."""
        return cls.of(x, filters, **window_properties(strides, padding, dilations))

    def numpy(self, *operands: Array) -> Any:
        x, filters = (widened(v) for v in operands)
        windows = self.windows(filters.shape)
        count = window_count(self.name, windows, x.shape[1:3])
        y = np.zeros((len(x), *count, *filters.shape[2:]), x.dtype)
        views = windows.views(windows.padded(x, 0, self.name), count)
        for view, of_place in zip(views, filters.reshape(-1, *filters.shape[2:]), strict=True):
            y += view[..., None] * of_place
        return y.reshape(len(x), *count, math.prod(filters.shape[2:])).astype(operands[0].dtype, copy=False)

    def expand(self) -> Tensor | None:
        """Sums, over the positions in a window, the image at that position times the filters there."""
        x, filters = (Tensor(v) for v in self._operands)
        windows = self.windows(filters.extents)
        if not has_few_places(windows):
            return None
        of_places = unstacked(Reshape.to(filters, (math.prod(windows.size), *filters.extents[2:])), 0)
        views = (ExpandDims.at(view, [4]) for view in window_views(self.name, x, windows))
        products = (view * of_place for view, of_place in zip(views, of_places, strict=True))
        return Reshape.to(reduce(Add.of, products), shape_of_type(self.result_types[0]))

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Computes the gradients as those of a convolution in which each channel is a group."""
        x, filters = (Tensor(v) for v in self._operands)
        grouped = _as_groups(filters)
        df = Conv2DFilterGradient.like(conj(x), dy, grouped, self.properties)
        return Conv2DInputGradient.like(conj(grouped), dy, x, self.properties), Reshape.like(df, filters)


def _as_groups(filters: Tensor) -> Tensor:
    """Reshapes depthwise filters to those of groups of one channel."""
    rows, columns, channels, outputs = filters.extents
    if is_static(filters.type):
        return Reshape.to(filters, (rows, columns, 1, channels * outputs))
    count = DYNAMIC_INDEX if DYNAMIC_INDEX in (channels, outputs) else channels * outputs
    joined = ExpandDims.at(extent_of(filters, 2) * extent_of(filters, 3), [0])
    one = Constant.from_array(np.ones(1, np.int64))
    runtime = Concat.of(extents_of(filters, [0, 1]), one, joined, axis=IntegerAttr(0, i64))
    return Reshape.to(filters, (rows, columns, 1, count), runtime=runtime)
