"""Some rows of a value, as a loop reads them, or what is left behind it; and values that are put together of such.

A loop that takes `height` rows at a time reads them from a tensor whose first axis are its trips,

    (4, 1024, 64)  ->  (8, 4, 128, 64)  ->  trip %i: graph.gather %blocks, %i : (4, 128, 64)

and gives what it makes in the same form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import SSAValue

from pullback.dialects.graph.by_index.gather import Gather, MakeSlices
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.tensor import Tensor


@dataclass(frozen=True)
class Blocks:
    """How rows are divided: so many trips of a loop take `height` each, and the rest is computed behind it."""

    trips: int
    height: int
    rest: int

    @property
    def whole(self) -> int:
        """The rows that the loop takes."""
        return self.trips * self.height


@dataclass(eq=False)
class RowParts:
    """Values by rows: those that are there, each prepared once for all loops, and those that loops have made."""

    blocks: Blocks
    _prepared: dict[tuple[SSAValue, int], Tensor] = field(default_factory=dict[tuple[SSAValue, int], Tensor])
    _made: dict[tuple[SSAValue, int], tuple[Tensor, Tensor | None]] = field(
        default_factory=dict[tuple[SSAValue, int], tuple[Tensor, Tensor | None]]
    )

    def prepare(self, value: SSAValue, axis: int, *, is_matrix: bool) -> None:
        """Emits, before a loop, what its trips read rows of.

        A matrix is not rearranged, which would be a second one: its rows are named one by one.
        """
        if (value, axis) in self._prepared or (value, axis) in self._made:
            return
        x = Tensor(value)
        if is_matrix and prod(x.extents[:axis]) > 1:
            rows = Reshape.to(x, (prod(x.extents[: axis + 1]), *x.extents[axis + 1 :]))
        else:
            rows = _as_trips(_part(x, axis, slice(0, self.blocks.whole)), axis, self.blocks)
        self._prepared[value, axis] = rows

    def block(self, value: SSAValue, axis: int, trip: Tensor) -> Tensor:
        """Emits the rows of a trip."""
        if (value, axis) in self._made:
            return Gather.of(self._made[value, axis][0], trip)
        rows, extents = self._prepared[value, axis], Tensor(value).extents
        if rows.ndim == len(extents) + 1:
            return Gather.of(rows, trip)
        first = np.arange(prod(extents[:axis])).reshape(*extents[:axis], 1) * extents[axis]
        numbers = (first + np.arange(self.blocks.height)).astype(np.int32)
        return Gather.of(rows, Constant.from_array(numbers) + trip * self.blocks.height)

    def rest(self, value: SSAValue, axis: int) -> Tensor:
        """Emits the rows that no trip takes."""
        if (value, axis) in self._made:
            rest = self._made[value, axis][1]
            assert rest is not None
            return rest
        return _part(Tensor(value), axis, slice(self.blocks.whole, None))

    def keep(self, value: SSAValue, axis: int, blocks: Tensor, rest: Tensor | None) -> Tensor:
        """Takes what a loop has made of a value, and the rest; emits the whole."""
        self._made[value, axis] = blocks, rest
        whole = _of_trips(blocks, axis)
        return whole if rest is None else Concat.of(whole, rest, axis=IntegerAttr(axis, i64))


def put(blocks: Tensor, trip: Tensor, rows: Tensor) -> Tensor:
    """Emits a value's blocks with those of one trip replaced."""
    slices = MakeSlices.make(Reshape.to(rows, (1, *rows.extents)), Reshape.to(trip, (1,)), blocks)
    return ReplaceRows.of(blocks, slices)


def _part(x: Tensor, axis: int, rows: slice) -> Tensor:
    return StridedSlice.at(x, [*[slice(None)] * axis, rows, *[slice(None)] * (x.ndim - axis - 1)])


def _as_trips(x: Tensor, axis: int, blocks: Blocks) -> Tensor:
    """The rows of each trip below each other, trips along a first axis."""
    shape = (*x.extents[:axis], blocks.trips, blocks.height, *x.extents[axis + 1 :])
    order = [axis, *(a for a in range(len(shape)) if a != axis)]
    return _ordered(Reshape.to(x, shape), order)


def _of_trips(x: Tensor, axis: int) -> Tensor:
    """The inverse of `_as_trips`."""
    order = [*range(1, axis + 1), 0, *range(axis + 1, x.ndim)]
    y = _ordered(x, order)
    return Reshape.to(y, (*y.extents[:axis], y.extents[axis] * y.extents[axis + 1], *y.extents[axis + 2 :]))


def _ordered(x: Tensor, order: list[int]) -> Tensor:
    """A transpose; a reshape where only axes of extent 1 change their places."""
    if [a for a in order if x.extents[a] != 1] == [a for a in range(x.ndim) if x.extents[a] != 1]:
        shape = tuple(x.extents[a] for a in order)
        return x if shape == x.extents else Reshape.to(x, shape)
    return Transpose.ordered(x, order)
