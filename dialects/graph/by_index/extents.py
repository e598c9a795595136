"""Extents as tensors: dynamic shapes, read at run time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.by_index.gather_nd import Gather
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.movement.shapes import ShapeOf
from pullback.dialects.graph.movement.split_concat import Split
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor


def extent_of(x: Tensor, axis: int) -> Tensor:
    """Emits the extent along an axis at run time: i64, of rank 0."""
    return Gather.of(ShapeOf.of(x), Constant.from_array(np.array(axis, np.int64)))


def extents_of(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Emits the extents along these axes at run time: i64, of rank 1."""
    return Gather.of(ShapeOf.of(x), Constant.from_array(np.array(axes, np.int64)))


def of_extent(x: Tensor, axis: int, extent: int) -> Tensor:
    """Refines the type of `x` to this extent along an axis; an extent that was `?` is checked at run time."""
    if x.extents[axis] != DYNAMIC_INDEX:
        return x
    properties = {"axis": IntegerAttr(axis, i64), "sizes": integers([extent])}
    return Tensor(Split.emit([x.value], properties).results[0])
