"""Lowering of an index `x[…]` to operations: slices, gathers, and new axes.

    >>> import pullback as pb
    >>> with pb.Graph():
    ...     x = pb.placeholder("f32", (4, 5, 6), name="x")
    ...     i = pb.placeholder("ui8", (3,), name="i")
    ...     step = pb.compile(inputs=[x, i], outputs=[x[i, 1:3, None, -1]], target="numpy")
    >>> print(step.ir("gradients"))
    builtin.module ...
        %0 = graph.gather %x, %i : ... -> tensor<3x5x6xf32> ...
        %1 = graph.strided_slice %0 {begin = ...0, 1, 5>, end = ...3, 3, 6>, ...} : ... -> tensor<3x2x1xf32> ...
        %2 = graph.squeeze %1 {axes = ...2>} : ... -> tensor<3x2xf32> ...
        %3 = graph.expand_dims %2 {axes = ...2>} : ... -> tensor<3x2x1xf32> ...

A number is a slice of extent 1, whose axis is dropped. A gather along axis 0 precedes the slices, so that its gradient
is indexed slices. (To signed indices the extent is added first, where they are negative.)

Arrays at several axes index together, as one gather of index rows:

    >>> with pb.Graph():
    ...     x = pb.placeholder("f32", (4, 5, 6), name="x")
    ...     i, j = pb.placeholder("ui8", (3,), name="i"), pb.placeholder("ui8", (3,), name="j")
    ...     step = pb.compile(inputs=[x, i, j], outputs=[x[1:, i, j]], target="numpy")
    >>> print(step.ir("gradients"))
    builtin.module ...
        %0 = graph.strided_slice %x {begin = ...1, 0, 0>, ...} : ... -> tensor<3x5x6xf32> ...
        %1 = graph.expand_dims %i ... -> tensor<3x1xui8> ...
        %2 = graph.expand_dims %j ... -> tensor<3x1xui8> ...
        %3 = graph.concat %1, %2 {axis = 1 : i64} : ... -> tensor<3x2xui8> ...
        %4 = graph.transpose %0 {permutation = ...1, 2, 0>} : ... -> tensor<5x6x3xf32> ...
        %5 = graph.gather_nd %4, %3 : ... -> tensor<3x3xf32> ...
        %6 = graph.transpose %5 {permutation = ...1, 0>} ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, IntegerType, i32, i64

from pullback.dialects.graph.by_index.extents import extent_of
from pullback.dialects.graph.by_index.gather_nd import GatherNd
from pullback.dialects.graph.by_index.taken_along import taken_along
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
"""One entry of a normalised index, without `...` and masks; `None` is a new axis."""


class IndexKindError(GraphError, TypeError):
    """An index of a kind that tensors do not accept."""


class IndexRangeError(GraphError, IndexError):
    """An index beyond the extent of its axis, or one for an axis that does not exist."""


@dataclass
class IndexLowering:
    """The entries of an index, sorted by the operations that they become: slices, gathers, new axes.

    `entries` cover all axes of `x`, one each beside the new axes, and none of them is a mask.
    """

    x: Tensor
    entries: list[Entry]
    slices: list[slice] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    """The axes of x that are indexed by a number, and so dropped."""
    gathered: list[tuple[int, Tensor | Array]] = field(default_factory=list)
    """The axes of x that are gathered along, with their indices: a tensor of one integer, or an array."""
    rank: int = 0
    """The rank to which the arrays of indices broadcast."""
    front: bool = False
    """Whether their axes come first in the result: NumPy's rule for arrays and integers that are not adjacent."""

    def __post_init__(self) -> None:
        for entry in self.entries:
            if entry is not None:
                self._take(len(self.slices), entry)
        self.rank = max((p.ndim for _, p in self.gathered), default=0)
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
            self.gathered.append((axis, entry))

    def _check_range(self, axis: int, index: int) -> None:
        extent = self.x.extents[axis]
        if extent != DYNAMIC_INDEX and not -extent <= index < extent:
            expected = f"expected {-extent} to {extent - 1}" if extent else "there is nothing to take"
            raise IndexRangeError(
                f"index {index} is out of range for axis {axis} of {self.x!r}, of extent {extent}: {expected}"
            )

    def emit(self) -> Tensor:
        """Emits the operations in the order of the examples above."""
        arrays = [(axis, given) for axis, given in self.gathered if given.ndim]
        alone = (
            self.gathered
            if len(arrays) < 2
            else [(axis, given) for axis, given in self.gathered if not given.ndim]
        )
        y, shift, rest = self.x, 0, list(alone)
        while rest and rest[0][0] + shift == 0:
            y, shift = _gather_along(y, 0, rest[0][1], shift)
            del rest[0]
        taken = len(alone) - len(rest)
        slices = [*[slice(None)] * (shift + taken), *self.slices[taken:]]
        y = Squeeze.at(StridedSlice.at(y, slices), [axis + shift for axis in self.dropped])
        for axis, indices in rest:
            y, shift = _gather_along(y, axis + shift - _before(self.dropped, axis), indices, shift)
        if len(arrays) < 2:
            y = self._in_front(y)
        else:
            gone = [*self.dropped, *(axis for axis, _ in alone)]
            y = self._gather_together(y, {axis - _before(gone, axis): given for axis, given in arrays})
        return ExpandDims.at(y, self._new_axes())

    def _in_front(self, y: Tensor) -> Tensor:
        """Moves the axes of the only array to the front, if they belong there."""
        if not self.front:
            return y
        at = next(axis for axis, p in self.gathered if p.ndim)
        start = at - _before(self.dropped, at) - _before([axis for axis, _ in self.gathered], at)
        inner = range(start, start + self.rank)
        order = [*inner, *(a for a in range(y.ndim) if a not in inner)]
        return Transpose.ordered(y, order)

    def _gather_together(self, y: Tensor, arrays: dict[int, Tensor | Array]) -> Tensor:
        """Gathers along several axes at once, whose arrays broadcast: their axes replace these."""
        counted = [_count_from_front(y, axis, given) for axis, given in arrays.items()]
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
        """The positions of the new axes in the result."""
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
    """Counts the axes before this one."""
    return sum(a < axis for a in axes)


def _gather_along(x: Tensor, axis: int, given: Tensor | Array, shift: int) -> tuple[Tensor, int]:
    """Gathers along an axis; also returns by how far later axes have moved in all."""
    indices = _count_from_front(x, axis, given)
    return taken_along(x, indices, axis), shift + indices.ndim - 1


def _count_from_front(x: Tensor, axis: int, given: Tensor | Array) -> Tensor:
    """Adds the extent of an axis to negative indices."""
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
