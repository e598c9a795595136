"""What `x[…]` means: NumPy's basic indexing, and integers in a tensor or an array along an axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, IntegerType, i32, i64

from pullback.dialects.graph.attributes import integers
from pullback.dialects.graph.base import Array
from pullback.dialects.graph.creation import Constant
from pullback.dialects.graph.elementwise import Cast, Where
from pullback.dialects.graph.indexing import Gather
from pullback.dialects.graph.insertion import inserting_beside
from pullback.dialects.graph.pieces import Split
from pullback.dialects.graph.rearranging import ExpandDims, Squeeze, Transpose
from pullback.dialects.graph.shapes import ShapeOf
from pullback.dialects.graph.slicing import StridedSlice
from pullback.dialects.graph.types import GraphError, is_integer, ui8
from pullback.dialects.graph.value import Operators, Tensor

Entry: TypeAlias = "slice | int | Tensor | Array | None"
"""One entry of an index, of which `...` has been spelled out; `None` is a new axis."""


class IndexKindError(GraphError, TypeError):
    """An index of a kind that tensors do not take."""


class IndexRangeError(GraphError, IndexError):
    """An index beyond the extent of its axis, or one for an axis that does not exist."""


def item(x: Operators, key: object) -> Tensor:
    """`x[key]`.

    Integers, slices, `...` and `None` mean what they mean to NumPy. One tensor (or array, or list) of integers picks
    along an axis, and any number of tensors that hold a single integer; negative ones count from the end, and one out
    of range picks zeros.

    Raises:
        IndexRangeError: for a number out of range of an extent that is known, and for too many indices.
        IndexKindError: for anything else, such as a mask.
    """
    tensor = x.as_tensor()
    plan = _Plan(tensor, _spelled_out(tensor, key))
    with inserting_beside(tensor.value):
        return plan.apply()


def rows(x: Operators) -> Iterator[Tensor]:
    """`for row in x`: the parts along the first axis.

    Raises:
        IndexKindError: where there is no first axis, or its extent is not known.
    """
    tensor = x.as_tensor()
    if tensor.ndim == 0:
        raise IndexKindError(f"{tensor!r} cannot be iterated: a scalar has no axes")
    count = tensor.extents[0]
    if count == DYNAMIC_INDEX:
        raise IndexKindError(
            f"{tensor!r} cannot be iterated: its extent is known only at run time: use while_loop() or gather()"
        )
    with inserting_beside(tensor.value):
        return iter(unstacked(tensor, 0))


def unstacked(x: Tensor, axis: int) -> list[Tensor]:
    """The parts of `x` along an axis of known extent, without that axis."""
    properties = {"axis": IntegerAttr(axis, i64), "sizes": integers([1] * x.extents[axis])}
    pieces = Split.emit([x.value], properties).results
    return [Squeeze.at(Tensor(piece), [axis]) for piece in pieces]


def length(shape: Sequence[int | None]) -> int:
    """`len(x)` for an `x` of this shape; `IndexKindError` where it is not known."""
    if not shape:
        raise IndexKindError("len() of a scalar: it has no axes")
    if shape[0] is None:
        raise IndexKindError("len(x) is known only at run time: read x.shape, or use shape_of()")
    return shape[0]


# ---- what an index may be ------------------------------------------------------------------------------------


def _spelled_out(x: Tensor, key: object) -> list[Entry]:
    """The entries of an index, as many as there are axes beside the new ones."""
    given: list[Any] = list(key) if isinstance(key, tuple) else [key]
    entries = [_entry(x, k) for k in given]
    taken = sum(e is not None and e is not Ellipsis for e in entries)
    if taken > x.ndim:
        raise IndexRangeError(f"{x!r} has {x.ndim} axes, {taken} indices are given")
    dots = sum(e is Ellipsis for e in entries)
    if dots > 1:
        raise IndexKindError(f"index of {x!r}: `...` may stand once, it is given {dots} times")
    at = next((i for i, e in enumerate(entries) if e is Ellipsis), len(entries))
    rest: list[Entry] = [slice(None)] * (x.ndim - taken)
    return [*entries[:at], *rest, *entries[at + dots :]]  # pyright: ignore[reportReturnType]  `...` is gone


def _entry(x: Tensor, given: Any) -> Entry | EllipsisType:
    """An entry of a kind that tensors take."""
    if given is None or given is Ellipsis:
        return given
    if isinstance(given, slice):
        return _slice(x, given)
    if isinstance(given, Operators):
        return _tensor(x, given.as_tensor())
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, list | tuple | np.ndarray):
        return _array(x, given)
    if isinstance(given, bool | np.bool_):
        raise _mask(x)
    raise IndexKindError(
        f"index of {x!r}: expected integers, slices, `...`, None or a tensor of integers, "
        f"got {type(given).__name__}"
    )


def _slice(x: Tensor, given: slice) -> slice:
    for what, bound in (("start", given.start), ("stop", given.stop), ("step", given.step)):
        if isinstance(bound, Operators):
            raise IndexKindError(
                f"index of {x!r}: the {what} of a slice is a tensor, so the extent is not known: "
                "use slice(x, begin, size), whose size is known"
            )
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | np.integer)):
            raise IndexKindError(
                f"index of {x!r}: the {what} of a slice must be an integer or None, got {bound!r}"
            )
    if given.step == 0:
        raise GraphError(f"index of {x!r}: the step of a slice is 0")
    return slice(*(None if b is None else int(b) for b in (given.start, given.stop, given.step)))


def _tensor(x: Tensor, given: Tensor) -> Tensor:
    if given.dtype == "i1":
        raise _mask(x)
    if not is_integer(given.element_type):
        raise IndexKindError(f"index of {x!r}: expected a tensor of integers, got {given.type}")
    return given


def _array(x: Tensor, given: Any) -> int | Array:
    if isinstance(given, list | tuple) and any(isinstance(v, Operators) for v in given):
        raise IndexKindError(f"index of {x!r}: a list of tensors: stack() makes one tensor of them")
    array = np.asarray(given)
    if array.size == 0 and not isinstance(given, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype == np.bool_:
        raise _mask(x)
    if array.dtype.kind not in "iu":
        raise IndexKindError(f"index of {x!r}: expected integers, got an array of {array.dtype}")
    return array.astype(np.int64) if array.ndim else int(array)


def _mask(x: Tensor) -> IndexKindError:
    return IndexKindError(
        f"index of {x!r}: a mask would make a shape that depends on values: use where(mask, x, 0) to keep the shape, "
        "or gather() with np.flatnonzero(mask) for a mask that is known"
    )


# ---- what it does ---------------------------------------------------------------------------------------------


@dataclass
class _Plan:
    """An index in three steps: slices (a number is one of them), tensors of integers, new axes."""

    x: Tensor
    entries: list[Entry]
    slices: list[slice] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    """Axes of x that a number takes."""
    picked: list[tuple[int, Tensor | Array]] = field(default_factory=list)
    """Axes of x, and what picks along them."""
    rank: int = 0
    """How many axes the array has that picks."""
    front: bool = False
    """Whether these axes come first: NumPy's rule for an array that stands apart from other integers."""

    def __post_init__(self) -> None:
        for entry in self.entries:
            if entry is not None:
                self._take(len(self.slices), entry)
        arrays = [p for _, p in self.picked if p.ndim]
        if len(arrays) > 1:
            raise IndexKindError(
                f"index of {self.x!r}: at most one entry may be an array of integers, got {len(arrays)}"
            )
        self.rank = sum(p.ndim for p in arrays)
        places = [i for i, e in enumerate(self.entries) if not isinstance(e, slice | None)]
        self.front = bool(arrays) and places[-1] - places[0] >= len(places)

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
        y, shift, rest = self.x, 0, list(self.picked)
        while rest and rest[0][0] + shift == 0:
            y, shift = _picked(y, 0, rest[0][1], shift)
            del rest[0]
        taken = len(self.picked) - len(rest)
        slices = [*[slice(None)] * (shift + taken), *self.slices[taken:]]
        y = Squeeze.at(StridedSlice.at(y, slices), [axis + shift for axis in self.dropped])
        for axis, indices in rest:
            y, shift = _picked(y, axis + shift - self._dropped_before(axis), indices, shift)
        return ExpandDims.at(self._in_front(y), self._new_axes())

    def _dropped_before(self, axis: int) -> int:
        return sum(a < axis for a in self.dropped)

    def _in_front(self, y: Tensor) -> Tensor:
        """The axes of the array moved to the front, if that is where they belong."""
        if not self.front:
            return y
        at = next(axis for axis, p in self.picked if p.ndim)
        start = at - self._dropped_before(at) - sum(axis < at for axis, _ in self.picked)
        inner = range(start, start + self.rank)
        order = [*inner, *(a for a in range(y.ndim) if a not in inner)]
        return Transpose.of(y, permutation=integers(order)) if start else y

    def _new_axes(self) -> list[int]:
        """Where the new axes stand in the result."""
        found: list[int] = []
        at = self.rank if self.front else 0
        for entry in self.entries:
            if entry is None:
                found.append(at)
            if entry is None or isinstance(entry, slice):
                at += 1
            elif not isinstance(entry, int) and not self.front:
                at += entry.ndim
        return found


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
        at = Constant.from_array(np.array(axis, np.int64))
        extent = Cast.to(Gather.of(ShapeOf.of(x), at), indices.element_type)
    return Where.of(indices < 0, indices + extent, indices)


def taken_along(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """`x` with an axis replaced by those of `indices`, which pick along it."""
    if axis == 0:
        return Gather.of(x, indices)
    order = [axis, *(a for a in range(x.ndim) if a != axis)]
    picked = Gather.of(Transpose.of(x, permutation=integers(order)), indices)
    count = indices.ndim
    back = [*range(count, count + axis), *range(count), *range(count + axis, picked.ndim)]
    return Transpose.of(picked, permutation=integers(back))
