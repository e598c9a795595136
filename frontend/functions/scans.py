"""Scans along an axis: running sums, products and sums of exponentials; and differences, which undo sums."""

from __future__ import annotations

from functools import partial

from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.along_axes.scans import CumLogSumExp, CumProd, CumSum, Scan
from pullback.dialects.graph.by_index.index import item
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Subtract
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.families import numeric
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import checked_axis, is_whole_number
from pullback.frontend.operands.checked_dtypes import in_dtype, of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = ["cumprod", "cumsum", "cumulative_logsumexp", "cumulative_prod", "cumulative_sum", "diff"]


def cumsum(
    x: Operand, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """The sums of the elements up to each one along `axis`.

    Args:
        x: numbers.
        axis: counted from the end if negative.
        exclusive: whether to leave out the element itself: the first sum is 0.
        reverse: whether to start from the end.
        name: of the operation.
    """
    return _scan(CumSum, as_tensor(x, "cumsum"), axis, exclusive, reverse, name)


def cumprod(
    x: Operand, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """The products of the elements up to each one along `axis`: see `cumsum`. The gradient is right at zeros."""
    return _scan(CumProd, as_tensor(x, "cumprod"), axis, exclusive, reverse, name)


def cumulative_logsumexp(
    x: Operand, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """log(sum(exp(x))) of the elements up to each one along `axis`: see `cumsum`. Nothing overflows."""
    return _scan(CumLogSumExp, as_tensor(x, "cumulative_logsumexp"), axis, exclusive, reverse, name)


def cumulative_sum(
    x: Operand,
    axis: int | None = None,
    include_initial: bool = False,
    dtype: object = None,
    name: str | None = None,
) -> Tensor:
    """The sums of the elements up to each one along `axis`.

    Args:
        x: numbers.
        axis: counted from the end if negative; `None` where there is one axis only.
        include_initial: whether the result begins with the sum of nothing, 0, and is longer by one.
        dtype: of the result, to which the elements are cast first; that of `x` unless given.
        name: of the operation.

    Raises:
        ValueError: for an axis that does not exist, or none where there are several.
    """
    value = in_dtype(as_tensor(x, "cumulative_sum"), dtype)
    return _cumulative(CumSum, value, _only_axis(value, axis, "cumulative_sum"), include_initial, 0, name)


def cumulative_prod(
    x: Operand,
    axis: int | None = None,
    include_initial: bool = False,
    dtype: object = None,
    name: str | None = None,
) -> Tensor:
    """The products of the elements up to each one along `axis`: see `cumulative_sum`. That of nothing is 1."""
    value = in_dtype(as_tensor(x, "cumulative_prod"), dtype)
    return _cumulative(CumProd, value, _only_axis(value, axis, "cumulative_prod"), include_initial, 1, name)


def diff(
    x: Operand,
    axis: int = -1,
    n: int = 1,
    prepend: Operand | None = None,
    append: Operand | None = None,
    name: str | None = None,
) -> Tensor:
    """Each element along `axis` less the one before it; `n` times over.

    Args:
        x: numbers.
        axis: counted from the end if negative.
        n: how often, from 0 on, where nothing is put on either; each time the axis is shorter by one, until there is
            nothing left.
        prepend: what to put before `x` first: a tensor whose shape differs in the extent of the axis alone.
        append: what to put behind it.
        name: of the last operation.

    Raises:
        ValueError: for an axis that does not exist, a negative `n`, or shapes that do not fit.
    """
    given = tensors(*(v for v in (x, prepend, append) if v is not None), op="diff")
    at = checked_axis(axis, given[0].ndim, "diff")
    if not is_whole_number(n) or n < 0:
        raise ArgumentTypeError(f"diff: n: expected a whole number from 0 on, got {n!r}")
    value = of_dtype(given[0], numeric, "diff")
    if n == 0:
        return value
    if prepend is not None:
        value = Concat.of(given[1], value, axis=IntegerAttr(at, i64))
    if append is not None:
        value = Concat.of(value, given[-1], axis=IntegerAttr(at, i64))
    before = (slice(None),) * at
    for turn in range(n):
        later, earlier = item(value, (*before, slice(1, None))), item(value, (*before, slice(0, -1)))
        value = named_as(name if turn == n - 1 else None, partial(Subtract.of, later, earlier))
    return value


def _scan(
    op: type[Scan], value: Tensor, axis: int, exclusive: bool, reverse: bool, name: str | None
) -> Tensor:
    what = op.name.removeprefix("graph.")
    at = checked_axis(axis, value.ndim, what)
    of_dtype(value, op.DTYPES, what)
    return named_as(name, lambda: op.scan(value, axis=at, exclusive=exclusive, reverse=reverse))


def _only_axis(value: Tensor, axis: int | None, what: str) -> int:
    if axis is None and value.ndim != 1:
        raise GraphError(f"{what}: axis: needed, since {value.type} has {value.ndim} axes")
    return 0 if axis is None else axis


def _cumulative(
    op: type[Scan], value: Tensor, axis: int, include_initial: bool, initial: int, name: str | None
) -> Tensor:
    made = _scan(op, value, axis, False, False, name)
    if not include_initial:
        return made
    at = checked_axis(axis, value.ndim, op.name)
    row = Sum.over(value, at, keepdims=True)  # for its shape
    shape = dynamic_shape(row)
    first = Fill.full(initial, row.type, shape[0] if shape else None)
    return Concat.of(first, made, axis=IntegerAttr(at, i64))
