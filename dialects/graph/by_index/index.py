"""Indexing `x[…]`: NumPy's basic and advanced indices, as far as the result's shape does not depend on values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import Any, TypeAlias, TypeGuard

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.by_index.lower_index import Entry, IndexKindError, IndexLowering, IndexRangeError
from pullback.dialects.graph.movement.rearranging import Squeeze
from pullback.dialects.graph.movement.split_concat import Split
from pullback.dialects.graph.tensor.arrays import Array, array_of
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.insertion import inserting_beside
from pullback.dialects.graph.tensor.tensor import INDEXING, Operators, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, format_shape, is_integer

LARGEST = 2**63 - 1
"""The largest index."""
Given: TypeAlias = "Entry | EllipsisType"
"""One entry of an index. An array of truth values is a mask, which indexes as many axes as it has."""


def item(x: Operators, key: object) -> Tensor:
    """Emits `x[key]`.

    Integers, slices, `...` and `None` have NumPy's meaning, and so have tensors, arrays and lists of integers, and
    arrays of truth values. Negative integers count from the end; one out of range, in a tensor, gives zeros.

    Raises:
        IndexRangeError: for a number out of range of an extent that is known, and for too many indices.
        IndexKindError: for anything else, such as a tensor of truth values.
    """
    tensor = x.as_tensor()
    lowering = IndexLowering(tensor, _without_masks(tensor, _spelled_out(tensor, key)))
    with inserting_beside(tensor.value):
        return lowering.emit()


def rows(x: Operators) -> Iterator[Tensor]:
    """Iterates over the slices along the first axis, as `for row in x` does.

    Raises:
        IndexKindError: where there is no first axis, or its extent is not known.
    """
    tensor = x.as_tensor()
    if tensor.ndim == 0:
        raise IndexKindError(f"{tensor!r} cannot be iterated: a scalar has no axes")
    count = tensor.extents[0]
    if count == DYNAMIC_INDEX:
        raise IndexKindError(
            f"{tensor!r} has an extent that is known only at run time: unstack(x, num=n) takes it for n, while_loop() "
            "and gather() take any"
        )
    with inserting_beside(tensor.value):
        return iter(unstacked(tensor, 0))


def unstacked(x: Tensor, axis: int) -> list[Tensor]:
    """Splits `x` along an axis of known extent, and drops that axis."""
    properties = {"axis": IntegerAttr(axis, i64), "sizes": integers([1] * x.extents[axis])}
    pieces = Split.emit([x.value], properties).results
    return [Squeeze.at(Tensor(piece), [axis]) for piece in pieces]


def length(shape: Sequence[int | None]) -> int:
    """Returns `len(x)` for an `x` of this shape; `IndexKindError` where it is not known."""
    if not shape:
        raise IndexKindError("len() of a scalar: it has no axes")
    if shape[0] is None:
        raise IndexKindError("len(x) is known only at run time: read x.shape, or use shape_of()")
    return shape[0]


INDEXING.update(item=item, rows=rows, length=length)


# ---- what an index may be ------------------------------------------------------------------------------------


def _spelled_out(x: Tensor, key: object) -> list[Entry]:
    """Normalises an index to entries that cover all axes: expands `...`, and replaces masks."""
    given: list[Any] = list(key) if isinstance(key, tuple) else [key]
    entries = [_entry(x, k) for k in given]
    taken = sum(map(_axes_taken, entries))
    if taken > x.ndim:
        raise IndexRangeError(f"{x!r} has {x.ndim} axes, {taken} indices are given")
    dots = sum(e is Ellipsis for e in entries)
    if dots > 1:
        raise IndexKindError(f"index of {x!r}: `...` may occur once, it is given {dots} times")
    at = next((i for i, e in enumerate(entries) if e is Ellipsis), len(entries))
    rest: list[Entry] = [slice(None)] * (x.ndim - taken)
    return [*entries[:at], *rest, *entries[at + dots :]]  # pyright: ignore[reportReturnType]  `...` is gone


def _axes_taken(entry: Given) -> int:
    if entry is None or entry is Ellipsis:
        return 0
    return entry.ndim if _is_mask(entry) else 1


def _is_mask(entry: Given) -> TypeGuard[Array]:
    return isinstance(entry, np.ndarray) and entry.dtype == np.bool_


def _without_masks(x: Tensor, entries: Sequence[Entry]) -> list[Entry]:
    """Replaces each mask by the indices of its true elements (`np.nonzero`), an array for each of its axes."""
    result: list[Entry] = []
    axis = 0
    for entry in entries:
        if _is_mask(entry):
            extents = x.extents[axis : axis + entry.ndim]
            if extents != entry.shape:
                raise IndexRangeError(
                    f"index of {x!r}: a mask of shape {entry.shape} from axis {axis} on: expected the shape "
                    f"{format_shape(extents)}, known before run time"
                )
            result += np.nonzero(entry)
        else:
            result.append(entry)
        axis += _axes_taken(entry)
    return result


def _entry(x: Tensor, given: Any) -> Given:
    """Converts one entry of an index to a kind that tensors accept; `IndexKindError` for others."""
    if given is None or given is Ellipsis:
        return given
    if isinstance(given, slice):
        return _slice(x, given)
    if isinstance(given, Operators):
        return _tensor(x, given.as_tensor())
    if isinstance(given, bool | np.bool_):
        raise _truth_value(x)
    if isinstance(given, int | np.integer):
        return _in_range(x, int(given))
    if isinstance(given, list | tuple | np.ndarray):
        return _array(x, given)
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
    # Bounds beyond 64 bits are beyond every extent.
    bounds = (given.start, given.stop, given.step)
    return slice(*(None if b is None else max(-LARGEST, min(int(b), LARGEST)) for b in bounds))


def _in_range(x: Tensor, number: int) -> int:
    if abs(number) > LARGEST:
        raise IndexRangeError(f"index {number} of {x!r} does not fit 64 bits")
    return number


def _tensor(x: Tensor, given: Tensor) -> Tensor:
    if given.dtype == "i1":
        raise IndexKindError(
            f"index of {x!r}: a mask that is a tensor would make a shape that depends on values: use "
            "where(mask, x, 0) to keep the shape; an array is known, and may be a mask"
        )
    if not is_integer(given.element_type):
        raise IndexKindError(f"index of {x!r}: expected a tensor of integers, got {given.type}")
    return given


def _array(x: Tensor, given: Any) -> int | Array:
    if isinstance(given, list | tuple) and any(isinstance(v, Operators) for v in given):
        raise IndexKindError(f"index of {x!r}: a list of tensors: stack() makes one tensor of them")
    kind: str = getattr(getattr(given, "dtype", None), "kind", "list")
    try:
        array = array_of(given, f"index of {x!r}", np.dtype(np.int64) if kind in "iu" else None)
    except ArgumentTypeError as error:
        raise IndexKindError(str(error)) from None
    if array.size == 0 and not isinstance(given, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype == np.bool_:
        if not array.ndim:
            raise _truth_value(x)
        return array
    if array.dtype.kind not in "iu":
        raise IndexKindError(f"index of {x!r}: expected integers, got an array of {np.asarray(given).dtype}")
    return array.astype(np.int64) if array.ndim else int(array)


def _truth_value(x: Tensor) -> IndexKindError:
    return IndexKindError(f"index of {x!r}: a single truth value: use None for a new axis, or where()")
