"""Searching: membership of elements, and their positions in sorted vectors."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.reductions import AnyTrue
from pullback.dialects.graph.along_axes.sorting import SearchSorted
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.elementwise.comparisons import Equal, LogicalNot
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import flattened
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.convert import as_tensor

__all__ = ["isin", "searchsorted"]


def isin(x1: Operand, x2: Operand, invert: bool = False, name: str | None = None) -> Tensor:
    """Whether each element of `x1` is equal to one of `x2` (to none, if `invert` says so); of the shape of `x1`."""
    values, others = tensors(x1, x2, op="isin")
    same = Equal.of(ExpandDims.at(values, [values.ndim]), flattened(others))
    if invert:
        return named_as(name, lambda: LogicalNot.of(AnyTrue.over(same, -1)))
    return named_as(name, lambda: AnyTrue.over(same, -1))


def searchsorted(
    x1: Operand, x2: Operand, side: str = "left", sorter: Operand | None = None, name: str | None = None
) -> Tensor:
    """The positions at which the elements of `x2` would be put into `x1`, so that it stays in order: i64.

    Args:
        x1: a vector in ascending order.
        x2: numbers of the same dtype.
        side: `"left"`, before those that are equal to it, or `"right"`, behind them.
        sorter: the indices that sort `x1`, as `argsort` gives them, where it is not in order.
        name: of the operation.

    Raises:
        ValueError: for another side, or an `x1` that is no vector.
    """
    line, wanted = tensors(x1, x2, op="searchsorted")
    if side not in ("left", "right"):
        raise GraphError(f"searchsorted: side: expected 'left' or 'right', got {side!r}")
    if sorter is not None:
        line = Gather.of(line, as_tensor(sorter, "searchsorted: sorter"))
    return named_as(name, lambda: SearchSorted.of(line, wanted, **flag(side == "right", "right")))
