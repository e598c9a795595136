"""Average pooling of images (N, H, W, C) over windows, per channel, and its gradient.

Padding is not part of the average, and not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Add, Cast
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.op.checks import check_shape_operand
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    is_inexact,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.windows.phases import added_to_windows, phases_of, reaching
from pullback.dialects.graph.windows.pool_families import Pool, Pooling
from pullback.dialects.graph.windows.two_passes import along_columns, along_rows, takes_two_passes
from pullback.dialects.graph.windows.window_views import (
    beside_places,
    by_window,
    has_few_places,
    is_padded,
    tiled,
    tiles,
    window_views,
)
from pullback.dialects.graph.windows.windows import (
    window_count,
)


class Averages(Pooling):
    """An operation of averages, with the number of elements in each window."""

    DTYPES: ClassVar = is_inexact

    def sizes(self, image: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """Counts the elements of the image in each window: (1, rows, columns, 1)."""
        inside = self.windows.patches(np.ones((1, *image, 1), dtype), self.name)
        return np.sum(inside, axis=3)

    def shared(self, y: Tensor, image: Sequence[int]) -> Tensor:
        """Divides a value per window by the number of the window's elements."""
        if not is_padded(self.windows, image):
            return y / math.prod(self.windows.size)
        return y / Constant.from_array(self.sizes(image, numpy_dtype(y.element_type)))


@graph_op
class AvgPool2D(Averages, Pool):
    """Average pooling: the mean of each window over its elements that are in the image."""

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

    def expand(self) -> Tensor | None:
        if takes_two_passes(self.windows):
            means = AvgPool2D.of(in_accumulator(self.x), **along_rows(self.windows))
            return Cast.to(AvgPool2D.of(means, **along_columns(self.windows)), self.x.element_type)
        if not has_few_places(self.windows):
            return self._of_tiles() if tiles(self.windows, self.x.extents[1:3]) else None
        return self.shared(reduce(Add.of, window_views(self.name, self.x, self.windows)), self.x.extents[1:3])

    def _of_tiles(self) -> Tensor:
        totals = Sum.over(by_window(self.x, self.windows), (2, 4))
        return self.shared(Reshape.to(totals, shape_of_type(self.result_types[0])), self.x.extents[1:3])

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (AvgPool2DGradient.like(dy, self.x, self.properties),)


@graph_op
class AvgPool2DGradient(Averages):
    """The gradient of `avg_pool2d`: each window's dy, over its number of elements, added to all of these."""

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
        """Emits the gradient for images shaped as `images`."""
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

    def expand(self) -> Tensor | None:
        """Gives each element the share of its window; where windows overlap, it adds up those of all windows."""
        shape = shape_of_type(self.result_types[0])
        if not tiles(self.windows, shape[1:3]):
            if takes_two_passes(self.windows):
                return self._in_two_passes(Tensor(self._operands[0]), shape)
            return self._of_overlapping(Tensor(self._operands[0]), shape)
        return tiled(beside_places(self.shared(Tensor(self._operands[0]), shape[1:3])), self.windows, shape)

    def _in_two_passes(self, dy: Tensor, shape: Sequence[int]) -> Tensor:
        images, rows, _, channels = shape
        element_type = dy.element_type
        dy = in_accumulator(dy)
        between = tensor_type(dy.element_type, (images, rows, dy.extents[2], channels))
        back = AvgPool2DGradient.emit_as([dy.value], between, along_columns(self.windows))
        images_type = tensor_type(dy.element_type, shape)
        made = AvgPool2DGradient.emit_as([back.value], images_type, along_rows(self.windows))
        return Cast.to(made, element_type)

    def _of_overlapping(self, dy: Tensor, shape: Sequence[int]) -> Tensor | None:
        if not has_few_places(self.windows) or 0 in (*shape, *dy.extents):
            return None
        around = phases_of(self.windows, shape[1:3], (dy.extents[1], dy.extents[2]))
        shares = self.shared(dy, shape[1:3])

        def term(place: int, windows: tuple[slice, slice]) -> Tensor:
            return reaching(shares, around, windows)

        def zero(extents: tuple[int, int]) -> Tensor:
            return Fill.full(0, tensor_type(dy.element_type, (shape[0], *extents, shape[3])))

        return added_to_windows(term, self.windows, around, zero)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (AvgPool2D.of(dy, **self.properties), *[None] * (len(self._operands) - 1))
