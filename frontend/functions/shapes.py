"""Functions that move elements without changing them, and those that speak of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.pieces import Concat, Split
from pullback.dialects.graph.shapes import (
    BroadcastTo,
    ExpandDims,
    Reshape,
    ShapeOf,
    Size,
    Transpose,
    integers,
)
from pullback.dialects.graph.types import GraphError, is_static
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.emit import named_as, tensors
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.functions.axes import checked_axes, checked_axis, is_whole_number, whole_numbers
from pullback.frontend.functions.extents import ShapeLike, extents_and_operand, static_extents

__all__ = [
    "broadcast_to",
    "concat",
    "expand_dims",
    "permute_dims",
    "reshape",
    "shape",
    "shape_of",
    "size",
    "split",
    "stack",
    "transpose",
]


def shape_of(x: Operand, name: str | None = None) -> Tensor:
    """The extents of `x` at run time, i64."""
    value = as_tensor(x, "shape_of")
    return named_as(name, lambda: ShapeOf.of(value))


shape = shape_of


def size(x: Operand, name: str | None = None) -> Tensor:
    """The number of elements of `x` at run time, i64."""
    value = as_tensor(x, "size")
    return named_as(name, lambda: Size.of(value))


def reshape(x: Operand, shape: ShapeLike, name: str | None = None) -> Tensor:
    """The same elements in row-major order under another shape.

    Args:
        x: any tensor.
        shape: extents, of which one may be -1 and follows from the others; or tensors of integers.
        name: of the operation.

    Raises:
        ValueError: for more than one -1, or another number of elements.
    """
    value = as_tensor(x, "reshape")
    extents, operand = extents_and_operand(shape, "reshape")
    if operand is None and extents.count(DYNAMIC_INDEX) > 1:
        raise GraphError(f"reshape: at most one extent may be -1, got {shape}")
    if operand is None and is_static(value.type):
        extents = _completed(extents, prod(value.extents))
    return named_as(name, lambda: Reshape.to(value, extents, runtime=operand))


def _completed(extents: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The extents with the one that is -1 computed from the number of elements."""
    if DYNAMIC_INDEX not in extents:
        return extents
    known = prod(n for n in extents if n != DYNAMIC_INDEX)
    if known == 0 or count % known:
        written = [-1 if n == DYNAMIC_INDEX else n for n in extents]
        raise GraphError(f"reshape: {count} elements do not fill {written}")
    return tuple(count // known if n == DYNAMIC_INDEX else n for n in extents)


def broadcast_to(x: Operand, shape: ShapeLike, name: str | None = None) -> Tensor:
    """`x` repeated along new leading axes and along extents of 1."""
    value = as_tensor(x, "broadcast_to")
    extents, operand = static_extents(shape, "broadcast_to")
    return named_as(name, lambda: BroadcastTo.to(value, extents, runtime=operand))


def expand_dims(x: Operand, axis: int | Sequence[int], name: str | None = None) -> Tensor:
    """`x` with new extents of 1 at `axis` of the result; negative axes count from its end."""
    value = as_tensor(x, "expand_dims")
    given = whole_numbers(axis, "expand_dims: axis")
    axes = sorted(checked_axes(given, value.ndim + len(given), "expand_dims"))
    return named_as(name, lambda: ExpandDims.at(value, axes))


def transpose(x: Operand, axes: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """`x` with its axes in this order, reversed by default."""
    value = as_tensor(x, "transpose")
    order = range(value.ndim)[::-1] if axes is None else checked_axes(axes, value.ndim, "transpose")
    return named_as(name, lambda: Transpose.of(value, permutation=integers(order)))


permute_dims = transpose


def split(x: Operand, sizes: int | Sequence[int], axis: int = 0, name: str | None = None) -> list[Tensor]:
    """Consecutive pieces of `x` along an axis.

    Args:
        x: any tensor.
        sizes: the length of each piece, or into how many equal pieces to cut.
        axis: along which, counted from the end if negative.
        name: of the operation.

    Raises:
        ValueError: if the pieces do not make up the axis.
    """
    value = as_tensor(x, "split")
    axis = checked_axis(axis, value.ndim, "split")
    pieces = whole_numbers(sizes, "split: sizes")
    if is_whole_number(sizes):
        extent = value.extents[axis]
        if sizes < 1 or extent == DYNAMIC_INDEX or extent % sizes:
            raise GraphError(f"split: axis {axis} of {value.type} cannot be cut into {sizes} equal pieces")
        pieces = [extent // sizes] * sizes
    properties = {"axis": IntegerAttr(axis, i64), "sizes": integers(pieces)}
    first = named_as(name, lambda: Tensor(Split.emit([value.value], properties).results[0]))
    return [Tensor(r) for r in first.op.results]


def concat(values: Sequence[Operand], axis: int = 0, name: str | None = None) -> Tensor:
    """The tensors one after another along an axis."""
    parts = _several(values, "concat")
    at = IntegerAttr(checked_axis(axis, parts[0].ndim, "concat"), i64)
    return named_as(name, lambda: Concat.of(*parts, axis=at))


def stack(values: Sequence[Operand], axis: int = 0, name: str | None = None) -> Tensor:
    """The tensors, of one shape, side by side along a new axis."""
    parts = _several(values, "stack")
    at = checked_axis(axis, parts[0].ndim + 1, "stack")
    return concat([ExpandDims.at(part, [at]) for part in parts], at, name)


def _several(values: Sequence[Operand], what: str) -> list[Tensor]:
    if not isinstance(values, list | tuple):
        raise ArgumentTypeError(f"{what}: values: expected a list of tensors, got {type(values).__name__}")
    if not values:
        raise GraphError(f"{what}: needs at least one tensor")
    return tensors(*values, op=what)
