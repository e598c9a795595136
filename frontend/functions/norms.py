"""Norms of vectors and matrices, made of reductions and of singular values."""

from __future__ import annotations

import math

from xdsl.dialects.builtin import i1, i64

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.norms import EuclideanNorm
from pullback.dialects.graph.along_axes.reductions import Max, Min, Sum
from pullback.dialects.graph.elementwise.arithmetic import Abs
from pullback.dialects.graph.elementwise.basic import Cast, Maximum, StopGradient, Where
from pullback.dialects.graph.elementwise.comparisons import LogicalAnd
from pullback.dialects.graph.elementwise.exponential import Pow
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze
from pullback.dialects.graph.op.families import is_float, is_inexact
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, is_complex, real_type_of
from pullback.frontend.functions.decompositions import svdvals
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import Axes, checked_axes, is_real_number
from pullback.frontend.operands.checked_dtypes import of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = ["l2_normalize", "matrix_norm", "norm", "vector_norm"]


def norm(
    x: Operand,
    ord: float | str = "euclidean",
    axis: Axes = None,
    keepdims: bool = False,
    name: str | None = None,
) -> Tensor:
    """The norm of vectors along `axis`, or of all elements as one vector; its gradient at 0 is 0.

    Args:
        x: floating-point numbers, real or complex.
        ord: `"euclidean"` or 2 for the square root of the sum of squares; 1 for the sum of magnitudes; `inf` and
            `-inf` for the largest and the smallest magnitude; p for the p-th root of the sum of p-th powers.
        axis: one axis; two of them for the Euclidean norm of matrices; `None` for all.
        keepdims: whether reduced axes stay, as extents of 1.
        name: of the last operation.

    Raises:
        ValueError: for an axis that does not exist, a dtype that is no floating point, another norm of matrices.
    """
    value = of_dtype(as_tensor(x, "norm"), is_inexact, "norm")
    axes = checked_axes(axis, value.ndim, "norm")
    power = _power(ord, "norm")
    if axis is not None and len(axes) > 1 and power != 2:
        raise GraphError(f"norm: ord {ord!r} along {len(axes)} axes is not supported: expected one axis")
    return named_as(name, lambda: _norm(value, power, axes, keepdims))


def vector_norm(
    x: Operand, axis: Axes = None, keepdims: bool = False, ord: float = 2, name: str | None = None
) -> Tensor:
    """The norm of the elements along `axis`, as one vector; see `norm`. Where `ord` is 0, how many are not 0."""
    value = of_dtype(as_tensor(x, "vector_norm"), is_inexact, "vector_norm")
    axes = checked_axes(axis, value.ndim, "vector_norm")
    if ord == 0:
        kind = real_type_of(value.element_type)
        return named_as(
            name, lambda: Cast.to(Sum.over(Cast.to(Cast.to(value, i1), i64), axes, keepdims), kind)
        )
    power = _power(ord, "vector_norm")
    return named_as(name, lambda: _norm(value, power, axes, keepdims))


def matrix_norm(
    x: Operand, keepdims: bool = False, ord: float | str = "fro", name: str | None = None
) -> Tensor:
    """The norm of matrices (…, m, n).

    Args:
        x: floating-point numbers, real or complex.
        ord: `"fro"` for the square root of the sum of squares; 1 and -1 for the largest and the smallest sum of
            magnitudes of a column; `inf` and `-inf`, of a row; 2 and -2 for the largest and the smallest singular
            value, and `"nuc"` for their sum.
        keepdims: whether the last two axes stay, as extents of 1.
        name: of the last operation.

    Raises:
        ValueError: for fewer than two axes, or another norm.
    """
    value = of_dtype(as_tensor(x, "matrix_norm"), is_inexact, "matrix_norm")
    if value.ndim < 2:
        raise GraphError(f"matrix_norm: expected matrices, got {value.type}")
    rows, columns = value.ndim - 2, value.ndim - 1
    if ord == "fro":
        return named_as(name, lambda: _norm(value, 2, [rows, columns], keepdims))
    if ord in (2, -2, "nuc"):
        reduction = Sum if ord == "nuc" else Max if ord == 2 else Min
        singular = svdvals(value)
        found = named_as(name, lambda: reduction.over(singular, -1))
        return ExpandDims.at(found, [rows, columns]) if keepdims else found
    if ord not in (1, -1, math.inf, -math.inf):
        raise GraphError(f"matrix_norm: ord: expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    summed, compared = (rows, columns) if abs(ord) == 1 else (columns, rows)
    extremum = Max if ord > 0 else Min
    sums = Sum.over(in_accumulator(Abs.of(value)), summed, keepdims=True)
    largest = named_as(name, lambda: extremum.over(sums, compared, keepdims=True))
    found = Cast.to(largest, real_type_of(value.element_type))
    return found if keepdims else Squeeze.at(found, [rows, columns])


def l2_normalize(x: Operand, axis: Axes = None, epsilon: float = 1e-12, name: str | None = None) -> Tensor:
    """`x` over its Euclidean norm along `axis`; what is shorter than sqrt(epsilon) is divided by that."""
    value = of_dtype(as_tensor(x, "l2_normalize"), is_float, "l2_normalize")
    axes = checked_axes(axis, value.ndim, "l2_normalize")
    wide = in_accumulator(value)
    length = Maximum.of(EuclideanNorm.over(wide, axes, keepdims=True), math.sqrt(epsilon))
    return named_as(name, lambda: Cast.to(wide / length, value.element_type))


def _norm(value: Tensor, power: float, axes: list[int], keepdims: bool) -> Tensor:
    """The p-th root of the sum of p-th powers of magnitudes, or what becomes of it as p grows."""
    wide = in_accumulator(value)
    return Cast.to(_norm_in(wide, power, axes, keepdims), real_type_of(value.element_type))


def _norm_in(value: Tensor, power: float, axes: list[int], keepdims: bool) -> Tensor:
    """The same in the dtype of `value`."""
    magnitude = Abs.of(value) if is_complex(value.element_type) or power != 2 else value
    if math.isinf(power):
        extremum = Max if power > 0 else Min
        return extremum.over(magnitude, axes, keepdims)
    if power == 1:
        return Sum.over(magnitude, axes, keepdims)
    if power == 2:
        return EuclideanNorm.over(magnitude, axes, keepdims)
    # Scaled first, by what the result is near to: a number that does not change it.
    extremum = Max if power > 0 else Min
    nearest = StopGradient.of(extremum.over(magnitude, axes, keepdims=True))
    scale = Where.of(LogicalAnd.of(nearest > 0, nearest < math.inf), nearest, 1)
    total = Sum.over(Pow.of(magnitude / scale, power), axes, keepdims)
    root = Pow.of(Where.of(total > 0, total, 1), 1 / power)
    return Where.of(total > 0, root, total) * (scale if keepdims else Squeeze.at(scale, axes))


def _power(order: object, what: str) -> float:
    if order in ("euclidean", "fro"):
        return 2
    if not is_real_number(order):
        raise ArgumentTypeError(f"{what}: ord: expected a number or 'euclidean', got {order!r}")
    if order == 0 or math.isnan(order):
        raise GraphError(f"{what}: ord {order!r} is no norm; count_nonzero counts what is not 0")
    return float(order)
