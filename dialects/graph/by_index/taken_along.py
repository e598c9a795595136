"""Gathers along any axis, as gathers of rows: the axes before it are merged with it."""

from __future__ import annotations

from math import prod

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.by_index.take_along_axis import element_numbers
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static


def taken_along(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Gathers along an axis (`np.take`): the axes of `indices` replace it; an index out of range gives zeros."""
    if axis == 0:
        return Gather.of(x, indices)
    if not is_static(x.type):
        return _of_transposed(x, indices, axis)
    before, after = x.extents[:axis], x.extents[axis + 1 :]
    rows = Reshape.to(x, (prod(before) * x.extents[axis], *after))
    numbers = element_numbers(indices, axis, x.extents[: axis + 1], axis + indices.ndim)
    return Gather.of(rows, numbers)


def _of_transposed(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """The same where extents are not known: the axis is the first one meanwhile."""
    order = [axis, *(a for a in range(x.ndim) if a != axis)]
    picked = Gather.of(Transpose.ordered(x, order), indices)
    count = indices.ndim
    back = [*range(count, count + axis), *range(count), *range(count + axis, picked.ndim)]
    return Transpose.ordered(picked, back)
