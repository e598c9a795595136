"""Sorting along an axis, and the largest elements."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.along_axes.sorting import ArgSort, TopK
from pullback.dialects.graph.by_index.take_along_axis import TakeAlongAxis
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import checked_axis, is_whole_number
from pullback.frontend.operands.convert import as_tensor

__all__ = ["argsort", "sort", "top_k"]


def _swapped(x: Tensor, axis: int) -> Tensor:
    """`x` with this axis and the last one in each other's place."""
    order = list(range(x.ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return Transpose.ordered(x, order)


def argsort(
    x: Operand, axis: int = -1, descending: bool = False, stable: bool = True, name: str | None = None
) -> Tensor:
    """The indices that sort `x` along `axis`, i64; equal elements keep their order, also if not `stable`."""
    value = as_tensor(x, "argsort")
    axis = checked_axis(axis, value.ndim, "argsort")
    options = flag(descending, "descending")
    return named_as(name, lambda: _swapped(ArgSort.of(_swapped(value, axis), **options), axis))


def sort(
    x: Operand, axis: int = -1, descending: bool = False, stable: bool = True, name: str | None = None
) -> Tensor:
    """The elements of `x` in order along `axis`; NaN comes last (first if descending). See `argsort`."""
    value = as_tensor(x, "sort")
    axis = checked_axis(axis, value.ndim, "sort")
    order = argsort(value, axis, descending, stable)
    return named_as(name, lambda: TakeAlongAxis.over(value, order, axis))


def top_k(x: Operand, k: int = 1, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along the last axis, largest first, and their indices (i32).

    Raises:
        ValueError: the axis has fewer than `k` elements.
    """
    value = as_tensor(x, "top_k")
    if not is_whole_number(k):
        raise ArgumentTypeError(f"top_k: k: expected a whole number, got {k!r}")
    values = named_as(
        name, lambda: Tensor(TopK.emit([value.value], {"k": IntegerAttr(int(k), i64)}).results[0])
    )
    return values, Tensor(values.op.results[1])
