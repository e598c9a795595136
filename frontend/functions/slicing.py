"""Slices of tensors by begin, end and stride, and updates of slices; `x[…]` does most of it."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, TypeAlias

from pullback.dialects.graph.by_index.dynamic_slicing import DynamicSlice, DynamicUpdateSlice
from pullback.dialects.graph.by_index.index import item
from pullback.dialects.graph.movement.block_slicing import Slice
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import is_whole_number, whole_numbers
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.shape_like import as_index_tensor

__all__ = ["dynamic_update_slice", "slice", "strided_slice"]

Places: TypeAlias = "int | Sequence[int | Tensor] | Tensor"
"""The first position along each axis: numbers, or tensors of integers."""


def slice(x: Operand, begin: Places, size: int | Sequence[int], name: str | None = None) -> Tensor:
    """The block of `size` elements from `begin` on, along each axis.

    Args:
        x: any tensor.
        begin: a number for each axis; or tensors of integers among them, or one that holds them all. What then lies
            outside of `x` at run time is zeros.
        size: a number for each axis. -1 takes all that remain, where `begin` is numbers.
        name: of the operation.

    Raises:
        ValueError: for a block that does not lie inside of `x`, where that is known.
    """
    value, sizes = as_tensor(x, "slice"), whole_numbers(size, "slice: size")
    numbers = _numbers(begin)
    if numbers is not None:
        properties = {"begin": integers(numbers), "size": integers(sizes)}
        return named_as(name, lambda: Slice.of(value, **properties))
    if min(sizes, default=0) < 0:
        raise GraphError(f"slice: size: expected numbers from 0 on where begin is a tensor, got {sizes}")
    start = as_index_tensor(begin, "slice: begin")
    return named_as(name, lambda: DynamicSlice.window(value, start, sizes))


def _numbers(starts: Any) -> list[int] | None:
    """Places that are all numbers."""
    listed = starts if isinstance(starts, list | builtins.tuple) else [starts]
    return [int(p) for p in listed] if all(map(is_whole_number, listed)) else None


def dynamic_update_slice(x: Operand, update: Operand, begin: Places, name: str | None = None) -> Tensor:
    """`x` with `update` in place of what it has from `begin` on; what would lie outside is left out.

    Args:
        x: any tensor.
        update: a tensor of the dtype and rank of `x`.
        begin: a number for each axis, tensors of integers among them, or one tensor that holds them all.
        name: of the operation.
    """
    value, new = tensors(x, update, op="dynamic_update_slice")
    start = as_index_tensor(begin, "dynamic_update_slice: begin")
    return named_as(name, lambda: DynamicUpdateSlice.of(value, new, start))


def strided_slice(
    x: Operand,
    begin: Sequence[int],
    end: Sequence[int],
    strides: Sequence[int] | None = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    name: str | None = None,
) -> Tensor:
    """`x[begin:end:strides]` along each axis, as NumPy reads the bounds; `x[…]` says the same with less ado.

    Args:
        x: any tensor.
        begin: from where, along the first axes.
        end: up to where.
        strides: the distance between elements that are taken, 1 unless given.
        begin_mask: a bit for each entry whose `begin` does not count: the slice is open there.
        end_mask: the same for `end`.
        ellipsis_mask: a bit for the entry that means `...`.
        new_axis_mask: bits for entries that mean a new axis.
        shrink_axis_mask: bits for entries that mean the one index `begin`.
        name: of the operation.

    Raises:
        ValueError: for lists of different lengths, or an index out of range.
    """
    value = as_tensor(x, "strided_slice")
    starts, stops = (whole_numbers(v, f"strided_slice: {w}") for v, w in ((begin, "begin"), (end, "end")))
    steps = [1] * len(starts) if strides is None else whole_numbers(strides, "strided_slice: strides")
    if not len(starts) == len(stops) == len(steps):
        raise GraphError(
            f"strided_slice: begin, end and strides must have one length, got {len(starts)}, {len(stops)} "
            f"and {len(steps)}"
        )
    masks = {
        "begin_mask": begin_mask,
        "end_mask": end_mask,
        "ellipsis_mask": ellipsis_mask,
        "new_axis_mask": new_axis_mask,
        "shrink_axis_mask": shrink_axis_mask,
    }
    for what, mask in masks.items():
        if not is_whole_number(mask):
            raise ArgumentTypeError(f"strided_slice: {what}: expected a whole number, got {mask!r}")

    def entry(i: int, start: int, stop: int, step: int) -> Any:
        if ellipsis_mask >> i & 1:
            return ...
        if new_axis_mask >> i & 1:
            return None
        if shrink_axis_mask >> i & 1:
            return start
        first, last = begin_mask >> i & 1, end_mask >> i & 1
        return builtins.slice(None if first else start, None if last else stop, step)

    key = builtins.tuple(entry(i, *bounds) for i, bounds in enumerate(zip(starts, stops, steps, strict=True)))
    return named_as(name, lambda: item(value, key))
