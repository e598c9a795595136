"""Convolutions, with TensorFlow's names and arguments."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.dialects.graph.convolution import Conv2D
from pullback.dialects.graph.types import GraphError
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.emit import named_as
from pullback.frontend.functions.windows import Images, PaddingLike

__all__ = ["conv2d"]


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
    images = Images(input, data_format, "conv2d")
    f = as_tensor(filters, "conv2d: filters", images.value.dtype)
    if f.ndim != 4:
        raise GraphError(f"conv2d: filters: expected rank 4 (rows, columns, channels, outputs), got {f.type}")
    moved, spread = images.pair(strides, "strides"), images.pair(dilations, "dilations")
    size = f.extents[0], f.extents[1]
    around = images.padding(padding, images.value.extents[1:3], size, moved, spread)
    return images.back(named_as(name, lambda: Conv2D.apply(images.value, f, moved, around, spread)))
