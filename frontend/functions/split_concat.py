"""Splitting and joining: functions between one tensor and several."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.by_index.extents import of_extent
from pullback.dialects.graph.by_index.index import unstacked
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import flattened
from pullback.dialects.graph.movement.split_concat import Concat, Split, sizes_along
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.functions.shapes import broadcast_arrays
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import checked_axis, is_whole_number, whole_numbers
from pullback.frontend.operands.convert import as_tensor

__all__ = ["concat", "meshgrid", "split", "stack", "unstack"]


def split(x: Operand, sizes: int | Sequence[int], axis: int = 0, name: str | None = None) -> list[Tensor]:
    """Consecutive pieces of `x` along an axis.

    Args:
        x: any tensor.
        sizes: the length of each piece, of which one may be -1 and takes what remains; or into how many equal pieces
            to cut.
        axis: along which, counted from the end if negative.
        name: of the operation.

    Raises:
        ValueError: if the pieces do not make up the axis; when run, where its extent is known only then.
    """
    value = as_tensor(x, "split")
    axis = checked_axis(axis, value.ndim, "split")
    pieces, extent = whole_numbers(sizes, "split: sizes"), value.extents[axis]
    if is_whole_number(sizes):
        if sizes < 1 or (extent != DYNAMIC_INDEX and extent % sizes):
            raise GraphError(f"split: axis {axis} of {value.type} cannot be cut into {sizes} equal pieces")
        pieces = [-1] * sizes
    elif pieces.count(-1) > 1:
        raise GraphError(f"split: sizes: one of them may be -1, which takes what remains, got {pieces}")
    if not pieces:
        raise GraphError("split: sizes: expected at least one piece, got []")
    if extent != DYNAMIC_INDEX:
        pieces = sizes_along("split", pieces, value.extents, axis)
    properties = {"axis": IntegerAttr(axis, i64), "sizes": integers(pieces)}
    first = named_as(name, lambda: Tensor(Split.emit([value.value], properties).results[0]))
    return [Tensor(r) for r in first.op.results]


def concat(values: Sequence[Operand], axis: int | None = 0, name: str | None = None) -> Tensor:
    """The tensors one after another along an axis; without one (`None`), flattened first."""
    parts = _several(values, "concat")
    if axis is None:
        parts, axis = [flattened(part) for part in parts], 0
    at = IntegerAttr(checked_axis(axis, parts[0].ndim, "concat"), i64)
    return named_as(name, lambda: Concat.of(*parts, axis=at))


def stack(values: Sequence[Operand], axis: int = 0, name: str | None = None) -> Tensor:
    """The tensors, of one shape, side by side along a new axis."""
    parts = _several(values, "stack")
    at = checked_axis(axis, parts[0].ndim + 1, "stack")
    return concat([ExpandDims.at(part, [at]) for part in parts], at, name)


def unstack(x: Operand, axis: int = 0, num: int | None = None, name: str | None = None) -> list[Tensor]:
    """The parts of `x` along an axis, without that axis: what `stack` puts together.

    Args:
        x: any tensor but a scalar.
        axis: along which, counted from the end if negative.
        num: how many parts there are; needed where only a run knows the extent.
        name: of the first operation.

    Raises:
        ValueError: for another number of parts than there are; when run, where the extent is known only then.
    """
    value = as_tensor(x, "unstack")
    at = checked_axis(axis, value.ndim, "unstack")
    if num is not None and (not is_whole_number(num) or num < 0):
        raise ArgumentTypeError(f"unstack: num: expected a whole number from 0 on, got {num!r}")
    extent = value.extents[at]
    if extent == DYNAMIC_INDEX and num is None:
        raise GraphError(
            f"unstack: the extent of axis {at} of {value.type} is known only at run time: say with num= what it is"
        )
    if num not in (None, extent) and extent != DYNAMIC_INDEX:
        raise GraphError(f"unstack: num: axis {at} of {value.type} has {extent} parts, not {num}")
    made: list[Tensor] = []

    def first() -> Tensor:
        made.extend(unstacked(value if num is None else of_extent(value, at, num), at))
        return value

    named_as(name, first)
    return made


def meshgrid(*arrays: Operand, indexing: str = "xy") -> list[Tensor]:
    """The coordinates of a grid: each vector along an axis of its own, repeated along those of all others.

    Args:
        arrays: vectors (or scalars), of one dtype.
        indexing: `"ij"`, where the first axis is that of the first vector; or `"xy"`, where the first two change
            places.

    Raises:
        ValueError: for what is no vector, or another indexing.
    """
    if indexing not in ("xy", "ij"):
        raise GraphError(f"meshgrid: indexing: expected 'xy' or 'ij', got {indexing!r}")
    if not arrays:
        return []
    vectors = tensors(*arrays, op="meshgrid")
    if any(v.ndim > 1 for v in vectors):
        raise GraphError(f"meshgrid: expected vectors, got {', '.join(str(v.type) for v in vectors)}")
    order = list(range(len(vectors)))
    if indexing == "xy":
        order[:2] = order[1::-1]
    lines: list[Tensor] = []
    for vector, axis in zip(vectors, order, strict=False):
        others = [a for a in range(len(vectors)) if a != axis]
        lines.append(ExpandDims.at(vector if vector.ndim else ExpandDims.at(vector, [0]), others))
    return broadcast_arrays(*lines)


def _several(values: Sequence[Operand], what: str) -> list[Tensor]:
    if not isinstance(values, list | tuple):
        raise ArgumentTypeError(f"{what}: values: expected a list of tensors, got {type(values).__name__}")
    if not values:
        raise GraphError(f"{what}: needs at least one tensor")
    return tensors(*values, op=what)
