"""Gathers along any axis, as gathers of rows: the axes before it are merged with it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects.builtin import i32, i64

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.by_index.sequences import Iota
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import LogicalAnd
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, tensor_type


def taken_along(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Gathers along an axis (`np.take`): the axes of `indices` replace it; an index out of range gives zeros."""
    if axis == 0:
        return Gather.of(x, indices)
    if not is_static(x.type):
        return _of_transposed(x, indices, axis)
    before, after = x.extents[:axis], x.extents[axis + 1 :]
    rows = Reshape.to(x, (prod(before) * x.extents[axis], *after))
    return Gather.of(rows, _row_numbers(indices, before, x.extents[axis]))


def _row_numbers(indices: Tensor, before: Sequence[int], extent: int) -> Tensor:
    """The numbers of the rows that the indices name, for each place along the axes before; -1 out of range."""
    if indices.element_type not in (i32, i64):
        indices = Cast.to(indices, i32)
    inside = LogicalAnd.of(indices >= 0, indices < extent)
    fits = prod(before) * extent <= np.iinfo(np.int32).max
    # What is cast is in range: it fits the type that counts all rows.
    number = Cast.to(Where.of(inside, indices, 0), i32 if fits else i64)
    for axis, count in enumerate(before):
        distance = prod(before[axis + 1 :]) * extent
        here = Iota.along(0, tensor_type(number.element_type, (count,))) * distance
        number = number + ExpandDims.at(here, range(1, indices.ndim + len(before) - axis))
    return Where.of(inside, number, -1)


def _of_transposed(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """The same where extents are not known: the axis is the first one meanwhile."""
    order = [axis, *(a for a in range(x.ndim) if a != axis)]
    picked = Gather.of(Transpose.ordered(x, order), indices)
    count = indices.ndim
    back = [*range(count, count + axis), *range(count), *range(count + axis, picked.ndim)]
    return Transpose.ordered(picked, back)
