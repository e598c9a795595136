"""Convolutions of images (N, H, W, C) with filters (rows, columns, C / groups, outputs), and their transposes.

The three operations are linear in each of two operands, and the gradients of each are the other two, to any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, opt_operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.base import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.creation import check_shape_operand
from pullback.dialects.graph.families import OfDtypes, check_dtype, numeric
from pullback.dialects.graph.numerics import multiplied, widened
from pullback.dialects.graph.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.types import (
    GraphError,
    Shape,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.value import Tensor, conj
from pullback.dialects.graph.windows import (
    Padding,
    Pair,
    Windows,
    check_images,
    check_windows,
    window_count,
    window_properties,
)


class Convolution(OfDtypes):
    """What the operations share: where the windows are, and how many groups of channels there are.

    There are C / (C of the filters) groups. Each has as many outputs, of its own channels alone.
    """

    DTYPES: ClassVar = numeric
    result = result_def(AnyAttr())
    strides = prop_def(DenseArrayBase)
    dilations = prop_def(DenseArrayBase)
    padding = prop_def(base(DenseArrayBase) | base(StringAttr))
    traits = traits_def(Pure())

    def patches(self, x: Array, filters: Sequence[int], groups: int) -> Array:
        """What each window reads: (groups, windows, elements of a filter)."""
        patches = self.windows(filters).patches(x, self.name)
        *counts, places, channels = patches.shape
        by_group = patches.reshape(math.prod(counts), places, groups, channels // groups)
        return by_group.transpose(2, 0, 1, 3).reshape(
            groups, math.prod(counts), places * (channels // groups)
        )

    def windows(self, filters: Sequence[int]) -> Windows:
        """The windows for filters of this shape."""
        return Windows.of(filters[:2], self.properties)

    @classmethod
    def check_operands(cls, images: Attribute, filters: Attribute, properties: Properties) -> None:
        """Images and filters of one dtype, and windows that there are."""
        if element_type_of(images) != element_type_of(filters):
            raise GraphError(
                f"{cls.name}: dtype_c2: operands must have one dtype, got {images} and {filters}"
            )
        check_dtype(cls, element_type_of(images))
        check_windows(cls.name, properties)
        x, f = shape_of_type(images), shape_of_type(filters)
        check_images(cls.name, x, "images")
        if len(f) != 4:
            raise GraphError(
                f"{cls.name}: rank_c5: filters must have rank 4 (rows, columns, channels, outputs), got {filters}"
            )

    @classmethod
    def convolved(cls, images: Attribute, filters: Attribute, properties: Properties) -> Shape:
        """The shape of a convolution of these types; `GraphError` where there is none."""
        cls.check_operands(images, filters, properties)
        x, f = shape_of_type(images), shape_of_type(filters)
        if not _is_multiple(x[3], f[2]):
            raise GraphError(
                f"{cls.name}: channels_c1: channels must be as many as the filters have, or a multiple, got {x[3]} "
                f"and {f[2]}"
            )
        if DYNAMIC_INDEX not in (x[3], f[2]) and not _is_multiple(f[3], _groups(x[3], f[2])):
            raise GraphError(
                f"{cls.name}: channels_c2: groups must have as many outputs each, got {f[3]} outputs in "
                f"{_groups(x[3], f[2])} groups"
            )
        return (x[0], *window_count(cls.name, Windows.of(f[:2], properties), x[1:3]), f[3])


def _is_multiple(n: int, of: int) -> bool:
    """Whether one extent is a multiple of another, as far as both are known."""
    return DYNAMIC_INDEX in (n, of) or (n == 0 if of == 0 else n % of == 0)


def _by_group(filters: Array, groups: int) -> Array:
    """Filters, or outputs: (groups, everything else, outputs of one group)."""
    *others, outputs = filters.shape
    return filters.reshape(math.prod(others), groups, outputs // groups).transpose(1, 0, 2)


def _joined(by_group: Array) -> Array:
    """The inverse of `_by_group`: (everything else, outputs)."""
    groups, others, outputs = by_group.shape
    return by_group.transpose(1, 0, 2).reshape(others, groups * outputs)


def _groups(channels: int, of_filters: int) -> int:
    return channels // of_filters if of_filters else 1


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
        """The convolution of `x` with `filters`."""
        return cls.of(x, filters, **window_properties(strides, padding, dilations))

    def numpy(self, *operands: Array) -> Any:
        x, filters = operands
        groups = _groups(x.shape[3], filters.shape[2])
        y = multiplied(self.patches(x, filters.shape, groups), _by_group(filters, groups))
        count = window_count(self.name, self.windows(filters.shape), x.shape[1:3])
        return _joined(y).reshape(len(x), *count, filters.shape[3])

    def gradient(self, dy: Tensor) -> GradientTerms:
        x, filters = (Tensor(v) for v in self._operands)
        return (
            Conv2DInputGradient.like(conj(filters), dy, x, self.properties),
            Conv2DFilterGradient.like(conj(x), dy, filters, self.properties),
        )


@graph_op
class DepthwiseConv2D(Convolution):
    """A convolution of each channel alone with as many filters as `outputs`, (rows, columns, C, outputs).

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
        """The convolution of each channel of `x` with its filters."""
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

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Those of a convolution in which each channel is a group."""
        x, filters = (Tensor(v) for v in self._operands)
        grouped = _as_groups(filters)
        df = Conv2DFilterGradient.like(conj(x), dy, grouped, self.properties)
        return Conv2DInputGradient.like(conj(grouped), dy, x, self.properties), Reshape.like(df, filters)


def _as_groups(filters: Tensor) -> Tensor:
    """Filters of depthwise convolutions as those of groups of one channel."""
    rows, columns, channels, outputs = filters.extents
    if DYNAMIC_INDEX in filters.extents:
        raise GraphError(
            f"{DepthwiseConv2D.name}: gradients need filters whose extents are known, got {filters.type}"
        )
    return Reshape.to(filters, (rows, columns, 1, channels * outputs))


class ConvolutionGradient(Convolution):
    """The transpose of a convolution: the result has the shape of an operand of that, and its type is given."""

    SHAPE_OPERAND: ClassVar = 2
    WRT: ClassVar[int]
    """Which operand of the convolution."""

    @classmethod
    def like(cls, other: Tensor, dy: Tensor, wrt: Tensor, properties: Properties) -> Tensor:
        """For the convolution with these properties, of `other` with what has the shape of `wrt`."""
        operands = [other.value, dy.value, *dynamic_shape(wrt)]
        return cls.emit_as(operands, tensor_type(dy.element_type, wrt.extents), properties)

    @classmethod
    def to(
        cls, other: Tensor, dy: Tensor, shape: Sequence[int], runtime: Tensor | None, properties: Properties
    ) -> Tensor:
        """For a convolution of what has this shape; `runtime` gives the extents (i64) that are not known."""
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
        if element_type_of(dy) != element_type_of(other):
            raise GraphError(f"{self.name}: dtype_c2: operands must have one dtype, got {other} and {dy}")
        if not compatible_shapes(shape_of_type(dy), convolved):
            raise GraphError(
                f"{self.name}: gradient_c1: dy must have the shape of the convolution, {format_shape(convolved)}, "
                f"got {dy}"
            )

    def target(self, operands: Sequence[Array]) -> Shape:
        """The result's extents at run time."""
        return tuple(map(int, operands[2])) if len(operands) > 2 else shape_of_type(self.result_types[0])


@graph_op
class Conv2DInputGradient(ConvolutionGradient):
    """Images from outputs of a convolution, linearly: each window gets its output times the filter (no conjugate)."""

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
        images, rows, columns, channels = self.target(operands)
        groups = _groups(channels, filters.shape[2])
        patches = multiplied(_by_group(dy, groups), _by_group(filters, groups).swapaxes(1, 2))
        windows = self.windows(filters.shape)
        count = window_count(self.name, windows, (rows, columns))
        places = math.prod(filters.shape[:2])
        by_channel = patches.reshape(groups, math.prod(dy.shape[:3]), places, filters.shape[2]).transpose(
            1, 2, 0, 3
        )
        return windows.combined(
            by_channel.reshape(images, *count, places, channels), (rows, columns), self.name
        )

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        filters, outputs = (Tensor(v) for v in self._operands[:2])
        return (
            Conv2DFilterGradient.like(dy, conj(outputs), filters, self.properties),
            Conv2D.of(dy, conj(filters), **self.properties),
            *[None] * (len(self._operands) - 2),
        )


@graph_op
class Conv2DFilterGradient(ConvolutionGradient):
    """Filters from images and outputs of a convolution: the sum over windows of their product (no conjugate)."""

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
        filters = self.target(operands)
        groups = _groups(x.shape[3], filters[2])
        patches = self.patches(x, filters, groups)
        return _joined(multiplied(patches.swapaxes(1, 2), _by_group(dy, groups))).reshape(filters)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        images, outputs = (Tensor(v) for v in self._operands[:2])
        return (
            Conv2DInputGradient.like(dy, conj(outputs), images, self.properties),
            Conv2D.of(conj(images), dy, **self.properties),
            *[None] * (len(self._operands) - 2),
        )
