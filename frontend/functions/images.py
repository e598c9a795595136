"""Resizing of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.frontend.functions.indexing import gather
from pullback.frontend.operands.axes import whole_numbers
from pullback.frontend.operands.convert import as_tensor

__all__ = ["resize_nearest_neighbor"]


def resize_nearest_neighbor(
    images: Operand, size: Sequence[int], align_corners: bool = False, half_pixel_centers: bool = False
) -> Tensor:
    """Images (N, H, W, C) of `size` (rows, columns), each pixel that of the nearest one before.

    Args:
        images: of known height and width.
        size: rows and columns of the result.
        align_corners: whether the corner pixels of both lie on each other.
        half_pixel_centers: whether a pixel is a square around its position, rather than its upper left corner.

    Raises:
        ValueError: for images of another rank or unknown extents, a size that is not two extents from 1 on, or both
            options at once.
    """
    values = as_tensor(images, "resize_nearest_neighbor: images")
    if values.ndim != 4 or DYNAMIC_INDEX in values.extents[1:3] or 0 in values.extents[1:3]:
        raise GraphError(
            f"resize_nearest_neighbor: expected images (N, H, W, C) of known height and width, got {values.type}"
        )
    wanted = whole_numbers(size, "resize_nearest_neighbor: size")
    if len(wanted) != 2 or min(wanted) < 1:
        raise GraphError(f"resize_nearest_neighbor: size: expected two extents from 1 on, got {size}")
    if align_corners and half_pixel_centers:
        raise GraphError("resize_nearest_neighbor: align_corners and half_pixel_centers exclude each other")
    for axis, count in zip((1, 2), wanted, strict=True):
        nearest = _nearest(values.extents[axis], count, align_corners, half_pixel_centers)
        values = gather(values, nearest, axis=axis)
    return values


def _nearest(extent: int, count: int, align_corners: bool, half_pixel_centers: bool) -> Array:
    """For each of `count` pixels the one of `extent` that it shows, as TensorFlow's kernel computes it (in f32)."""
    pixels = np.arange(count, dtype=np.float32)
    if align_corners and count > 1:
        # Halves are rounded away from zero, as C does.
        found = np.floor(pixels * np.float32((extent - 1) / (count - 1)) + np.float32(0.5))
    else:
        offset = np.float32(0.5) if half_pixel_centers else np.float32(0)
        found = np.floor((pixels + offset) * np.float32(extent / count))
    return np.clip(found, 0, extent - 1).astype(np.int32)
