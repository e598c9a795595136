"""What an index does: slices, picks by integers, new axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, IntegerType, i32, i64

from pullback.dialects.graph.by_index.extents import extent_of
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.by_index.gather_nd import GatherNd
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.broadcasting import broadcast_together
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze, Transpose
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, ui8

Entry: TypeAlias = "slice | int | Tensor | Array | None"
"""One entry of an index, of which `...` has been spelled out; `None` is a new axis."""


class IndexKindError(GraphError, TypeError):
    """An index of a kind that tensors do not take."""


class IndexRangeError(GraphError, IndexError):
    """An index beyond the extent of its axis, or one for an axis that does not exist."""


@dataclass
class Plan:
    """An index in four steps: slices (a number is one of them), single integers, arrays of integers, new axes.

    `entries` take all axes of `x`, one each beside the new axes, and none of them is a mask.
    """

    x: Tensor
    entries: list[Entry]
    slices: list[slice] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    """Axes of x that a number takes."""
    picked: list[tuple[int, Tensor | Array]] = field(default_factory=list)
    """Axes of x, and what picks along them: a tensor of one integer, or arrays together."""
    rank: int = 0
    """How many axes the arrays have to which those that pick broadcast."""
    front: bool = False
    """Whether these axes come first: NumPy's rule for arrays that stand apart from each other or from integers."""

    def __post_init__(self) -> None:
        for entry in self.entries:
            if entry is not None:
                self._take(len(self.slices), entry)
        self.rank = max((p.ndim for _, p in self.picked), default=0)
        places = [i for i, e in enumerate(self.entries) if not isinstance(e, slice | None)]
        self.front = self.rank > 0 and places[-1] - places[0] >= len(places)

    def _take(self, axis: int, entry: Any) -> None:
        extent = self.x.extents[axis]
        if isinstance(entry, slice):
            self.slices.append(entry)
        elif isinstance(entry, int):
            self._check_range(axis, entry)
            self.slices.append(slice(entry, entry + 1 if entry != -1 else None, 1))
            self.dropped.append(axis)
        else:
            if isinstance(entry, np.ndarray) and extent != DYNAMIC_INDEX:
                for outside in entry[(entry < -extent) | (entry >= extent)].flat:
                    self._check_range(axis, int(outside))
                entry = np.where(entry < 0, entry + extent, entry)
            self.slices.append(slice(None))
            self.picked.append((axis, entry))

    def _check_range(self, axis: int, index: int) -> None:
        extent = self.x.extents[axis]
        if extent != DYNAMIC_INDEX and not -extent <= index < extent:
            expected = f"expected {-extent} to {extent - 1}" if extent else "there is nothing to take"
            raise IndexRangeError(
                f"index {index} is out of range for axis {axis} of {self.x!r}, of extent {extent}: {expected}"
            )

    def apply(self) -> Tensor:
        """The operations. Rows are picked before they are sliced, so that their gradient is rows."""
        arrays = [(axis, given) for axis, given in self.picked if given.ndim]
        alone = (
            self.picked
            if len(arrays) < 2
            else [(axis, given) for axis, given in self.picked if not given.ndim]
        )
        y, shift, rest = self.x, 0, list(alone)
        while rest and rest[0][0] + shift == 0:
            y, shift = _picked(y, 0, rest[0][1], shift)
            del rest[0]
        taken = len(alone) - len(rest)
        slices = [*[slice(None)] * (shift + taken), *self.slices[taken:]]
        y = Squeeze.at(StridedSlice.at(y, slices), [axis + shift for axis in self.dropped])
        for axis, indices in rest:
            y, shift = _picked(y, axis + shift - _before(self.dropped, axis), indices, shift)
        if len(arrays) < 2:
            y = self._in_front(y)
        else:
            gone = [*self.dropped, *(axis for axis, _ in alone)]
            y = self._picked_together(y, {axis - _before(gone, axis): given for axis, given in arrays})
        return ExpandDims.at(y, self._new_axes())

    def _in_front(self, y: Tensor) -> Tensor:
        """The axes of the one array moved to the front, if that is where they belong."""
        if not self.front:
            return y
        at = next(axis for axis, p in self.picked if p.ndim)
        start = at - _before(self.dropped, at) - _before([axis for axis, _ in self.picked], at)
        inner = range(start, start + self.rank)
        order = [*inner, *(a for a in range(y.ndim) if a not in inner)]
        return Transpose.ordered(y, order)

    def _picked_together(self, y: Tensor, arrays: dict[int, Tensor | Array]) -> Tensor:
        """`y` with axes replaced, all at once, by those to which the arrays broadcast that pick along them."""
        counted = [_counted_from_the_front(y, axis, given) for axis, given in arrays.items()]
        if len({i.element_type for i in counted}) > 1:
            counted = [Cast.to(i, i64) for i in counted]
        last = [ExpandDims.at(i, [self.rank]) for i in broadcast_together(counted)]
        places = Concat.of(*last, axis=IntegerAttr(self.rank, i64))
        order = [*arrays, *(axis for axis in range(y.ndim) if axis not in arrays)]
        picked = GatherNd.of(Transpose.ordered(y, order), places)
        start = 0 if self.front else min(arrays)
        moved = range(self.rank, self.rank + start)
        return Transpose.ordered(picked, [*moved, *range(self.rank), *range(self.rank + start, picked.ndim)])

    def _new_axes(self) -> list[int]:
        """Where the new axes stand in the result."""
        found: list[int] = []
        at = self.rank if self.front else 0
        is_placed = self.front
        for entry in self.entries:
            if entry is None:
                found.append(at)
            if entry is None or isinstance(entry, slice):
                at += 1
            elif not isinstance(entry, int) and entry.ndim and not is_placed:
                at, is_placed = at + self.rank, True
        return found


def _before(axes: Sequence[int], axis: int) -> int:
    """How many of the axes come before this one."""
    return sum(a < axis for a in axes)


def _picked(x: Tensor, axis: int, given: Tensor | Array, shift: int) -> tuple[Tensor, int]:
    """`x` with an axis replaced by those of the indices, and by how far later axes have moved then."""
    indices = _counted_from_the_front(x, axis, given)
    return taken_along(x, indices, axis), shift + indices.ndim - 1


def _counted_from_the_front(x: Tensor, axis: int, given: Tensor | Array) -> Tensor:
    """Indices along an axis, the negative ones made positive."""
    if isinstance(given, np.ndarray):
        indices = Constant.from_array(given)
        if not (given < 0).any():
            return indices
    else:
        indices = given
    element_type = indices.element_type
    if element_type == ui8:
        return indices
    assert isinstance(element_type, IntegerType)
    if element_type.width.data < i32.width.data:
        indices = Cast.to(indices, i32)
    extent: Any = x.extents[axis]
    if extent == DYNAMIC_INDEX:
        extent = Cast.to(extent_of(x, axis), indices.element_type)
    return Where.of(indices < 0, indices + extent, indices)


def taken_along(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """`x` with an axis replaced by those of `indices`, which pick along it."""
    if axis == 0:
        return Gather.of(x, indices)
    order = [axis, *(a for a in range(x.ndim) if a != axis)]
    picked = Gather.of(Transpose.ordered(x, order), indices)
    count = indices.ndim
    back = [*range(count, count + axis), *range(count), *range(count + axis, picked.ndim)]
    return Transpose.ordered(picked, back)
