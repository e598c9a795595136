"""Convolutions, with TensorFlow's names and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.by_index.extents import extent_of
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.graph.windows.convolution import Conv2D, Conv2DInputGradient
from pullback.dialects.graph.windows.depthwise_convolution import DepthwiseConv2D
from pullback.dialects.graph.windows.windows import window_properties
from pullback.frontend.functions.windows import Images, PaddingLike
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.shape_like import ShapeLike, extents_and_operand

__all__ = ["conv2d", "conv2d_transpose", "depthwise_conv2d"]


def conv2d(
    input: Operand,
    filters: Operand,
    strides: int | Sequence[int] = 1,
    padding: PaddingLike = "VALID",
    data_format: str = "NHWC",
    dilations: int | Sequence[int] = 1,
    name: str | None = None,
) -> Tensor:
    """The convolution (more exactly, the cross-correlation) of images with filters.

    Args:
        input: images (N, H, W, C).
        filters: (rows, columns, channels, outputs). Where the images have k times as many channels, these are k groups,
            and each gets an equal part of the outputs, in order.
        strides: from window to window; one number, or one for rows and one for columns.
        padding: `"SAME"` (an output for each stride that starts in the image), `"VALID"` (none), or zeros around the
            images as `((top, bottom), (left, right))`.
        data_format: `"NHWC"`, or `"NCHW"` for images and result of (N, C, H, W).
        dilations: from element to element of a filter.
        name: of the operation.

    Returns:
        (N, rows, columns, outputs), of the dtype of the operands.

    Raises:
        ValueError: for other ranks, channels that do not fit, or filters that are larger than the padded images.
    """
    return _convolved(Conv2D, "conv2d", input, filters, strides, padding, data_format, dilations, name)


def depthwise_conv2d(
    input: Operand,
    filter: Operand,
    strides: int | Sequence[int] = 1,
    padding: PaddingLike = "VALID",
    data_format: str = "NHWC",
    dilations: int | Sequence[int] = 1,
    name: str | None = None,
) -> Tensor:
    """The convolution of each channel of images alone with filters of its own.

    Args:
        input: images (N, H, W, C).
        filter: (rows, columns, C, k), which gives k outputs for each channel.
        strides: from window to window; one number, or one for rows and one for columns.
        padding: `"SAME"`, `"VALID"`, or `((top, bottom), (left, right))`.
        data_format: `"NHWC"`, or `"NCHW"` for images and result of (N, C, H, W).
        dilations: from element to element of a filter.
        name: of the operation.

    Returns:
        (N, rows, columns, C * k), the outputs of the first channel first.

    Raises:
        ValueError: for other ranks, channels that do not fit, or filters that are larger than the padded images.
    """
    what = "depthwise_conv2d"
    return _convolved(DepthwiseConv2D, what, input, filter, strides, padding, data_format, dilations, name)


def conv2d_transpose(
    input: Operand,
    filters: Operand,
    output_shape: ShapeLike,
    strides: int | Sequence[int],
    padding: PaddingLike = "SAME",
    data_format: str = "NHWC",
    dilations: int | Sequence[int] = 1,
    name: str | None = None,
) -> Tensor:
    """The transpose of `conv2d`: images of `output_shape` for outputs of a convolution, as its gradient has it.

    Args:
        input: what the convolution of images of `output_shape` has the shape of: (N, rows, columns, channels).
        filters: (rows, columns, outputs, channels), those of that convolution.
        output_shape: of the result, in the data format; the number of images may be `None`, or a tensor.
        strides: of that convolution; so is all that follows.
        padding: `"SAME"`, `"VALID"`, or `((top, bottom), (left, right))`.
        data_format: `"NHWC"`, or `"NCHW"` for images and result of (N, C, H, W).
        dilations: from element to element of a filter.
        name: of the operation.

    Raises:
        ValueError: where the convolution of images of `output_shape` does not have the shape of `input`.
    """
    what = "conv2d_transpose"
    images = Images(input, data_format, what)
    f = _filters(filters, images)
    extents, runtime = _image_extents(output_shape, images)
    moved, spread = images.pair(strides, "strides"), images.pair(dilations, "dilations")
    around = images.padding(padding, extents[1:3], (f.extents[0], f.extents[1]), moved, spread)
    properties = window_properties(moved, around, spread)
    return images.back(
        named_as(name, lambda: Conv2DInputGradient.to(f, images.value, extents, runtime, properties))
    )


def _convolved(
    op: type[Conv2D] | type[DepthwiseConv2D],
    what: str,
    input: Operand,
    filters: Operand,
    strides: int | Sequence[int],
    padding: PaddingLike,
    data_format: str,
    dilations: int | Sequence[int],
    name: str | None,
) -> Tensor:
    images = Images(input, data_format, what)
    f = _filters(filters, images)
    moved, spread = images.pair(strides, "strides"), images.pair(dilations, "dilations")
    size = f.extents[0], f.extents[1]
    around = images.padding(padding, images.value.extents[1:3], size, moved, spread)
    return images.back(named_as(name, lambda: op.apply(images.value, f, moved, around, spread)))


def _filters(filters: Operand, images: Images) -> Tensor:
    """The filters as a tensor; numbers take the dtype of the images."""
    f = as_tensor(filters, f"{images.what}: filters", images.value.dtype)
    if f.ndim != 4:
        raise GraphError(
            f"{images.what}: filters: expected rank 4 (rows, columns, channels, outputs), got {f.type}"
        )
    return f


def _image_extents(output_shape: ShapeLike, images: Images) -> tuple[tuple[int, ...], Tensor | None]:
    """An output shape as (N, H, W, C), and the tensor of these where they are known at run time only."""
    what = f"{images.what}: output_shape"
    order = images.order
    if isinstance(output_shape, Tensor):
        extents, given = extents_and_operand(output_shape, what)
        assert given is not None
        operand = Gather.of(given, np.array(order)) if len(extents) == 4 else given
    else:
        listed: list[Any] = list(output_shape) if isinstance(output_shape, list | tuple) else [output_shape]
        number = images.value.extents[0]
        if listed and (listed[0] is None or listed[0] == -1):
            known = number != DYNAMIC_INDEX
            listed[0] = number if known else extent_of(images.value, 0)
        extents, operand = extents_and_operand(listed, what)
        operand = None if operand is None else Gather.of(operand, np.array(order))
    if len(extents) != 4:
        raise GraphError(f"{what}: expected four extents ({images.format}), got {output_shape}")
    ordered = tuple(extents[axis] for axis in order)
    if DYNAMIC_INDEX in ordered[1:]:
        raise GraphError(
            f"{what}: expected extents that are known, beside the number of images, got {output_shape}"
        )
    return ordered, operand if DYNAMIC_INDEX in ordered else None
