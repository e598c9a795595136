"""Pooling, with TensorFlow's names and arguments."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.windows.average_pooling import AvgPool2D
from pullback.dialects.graph.windows.pool_families import Pool
from pullback.dialects.graph.windows.pooling import MaxPool2D
from pullback.frontend.functions.windows import Images, PaddingLike
from pullback.frontend.graph.emit import named_as

__all__ = ["avg_pool2d", "max_pool2d"]


def max_pool2d(
    input: Operand,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: PaddingLike = "VALID",
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """The largest element of each window, NaN if any is; the first of equal ones gets the gradient.

    Args:
        input: images (N, H, W, C).
        ksize: rows and columns of a window; one number for both, or two.
        strides: from window to window.
        padding: `"SAME"`, `"VALID"`, or `((top, bottom), (left, right))`; padding is never the largest.
        data_format: `"NHWC"`, or `"NCHW"` for images and result of (N, C, H, W).
        name: of the operation.

    Raises:
        ValueError: for images of other ranks, or windows that are larger than the padded images.
    """
    return _pooled(MaxPool2D, "max_pool2d", input, ksize, strides, padding, data_format, name)


def avg_pool2d(
    input: Operand,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: PaddingLike = "VALID",
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """The average of each window, over the elements that are in the image: padding is not counted.

    Args:
        input: images (N, H, W, C).
        ksize: rows and columns of a window; one number for both, or two.
        strides: from window to window.
        padding: `"SAME"`, `"VALID"`, or `((top, bottom), (left, right))`.
        data_format: `"NHWC"`, or `"NCHW"` for images and result of (N, C, H, W).
        name: of the operation.

    Raises:
        ValueError: for images of other ranks, or windows that are larger than the padded images.
    """
    return _pooled(AvgPool2D, "avg_pool2d", input, ksize, strides, padding, data_format, name)


def _pooled(
    op: type[Pool],
    what: str,
    input: Operand,
    ksize: int | Sequence[int],
    strides: int | Sequence[int],
    padding: PaddingLike,
    data_format: str,
    name: str | None,
) -> Tensor:
    images = Images(input, data_format, what)
    size, moved = images.pair(ksize, "ksize"), images.pair(strides, "strides")
    around = images.padding(padding, images.value.extents[1:3], size, moved)
    return images.back(named_as(name, lambda: op.apply(images.value, size, moved, around)))
