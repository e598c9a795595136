"""Statistics and norms of the elements along axes, made of reductions."""

from __future__ import annotations

import math

from pullback.dialects.graph.arithmetic import Abs
from pullback.dialects.graph.elementwise import Maximum
from pullback.dialects.graph.exponential import Pow, Rsqrt, Sqrt
from pullback.dialects.graph.families import is_float, is_inexact
from pullback.dialects.graph.reductions import Max, Min, Sum
from pullback.dialects.graph.shapes import Reshape
from pullback.dialects.graph.statistics import Mean, element_count
from pullback.dialects.graph.types import GraphError, is_complex
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.emit import named_as
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.functions.axes import Axes, checked_axes
from pullback.frontend.functions.dtypes import of_dtype

__all__ = ["l2_normalize", "moments", "norm", "std", "var"]


def var(
    x: Operand, axis: Axes = None, correction: float = 0, keepdims: bool = False, name: str | None = None
) -> Tensor:
    """The variance along `axis`: the sum of the squared distances from the mean, over the number of elements.

    Args:
        x: real floating-point numbers.
        axis: one axis or several, counted from the end if negative; `None` for all.
        correction: what is subtracted from the number of elements: 1 for an unbiased estimate from a sample.
        keepdims: whether reduced axes stay, as extents of 1.
        name: of the first operation.

    Raises:
        ValueError: for an axis that does not exist, or a dtype that is no real floating point.
    """
    value = of_dtype(as_tensor(x, "var"), is_float, "var")
    axes = checked_axes(axis, value.ndim, "var")
    return named_as(name, lambda: _variance(value, axes, correction, keepdims))


def std(
    x: Operand, axis: Axes = None, correction: float = 0, keepdims: bool = False, name: str | None = None
) -> Tensor:
    """The standard deviation along `axis`, the square root of `var`."""
    value = of_dtype(as_tensor(x, "std"), is_float, "std")
    axes = checked_axes(axis, value.ndim, "std")
    return named_as(name, lambda: Sqrt.of(_variance(value, axes, correction, keepdims)))


def moments(x: Operand, axes: Axes, keepdims: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The mean and the variance along `axes` of real floating-point numbers; see `var`."""
    value = of_dtype(as_tensor(x, "moments"), is_float, "moments")
    over = checked_axes(axes, value.ndim, "moments")
    mean = named_as(name, lambda: Mean.over(value, over, keepdims=True))
    variance = _squared_distances(value, mean, over, keepdims) / element_count(value, over)
    return mean if keepdims else Reshape.like(mean, variance), variance


def norm(
    x: Operand,
    ord: float | str = "euclidean",
    axis: Axes = None,
    keepdims: bool = False,
    name: str | None = None,
) -> Tensor:
    """The norm of vectors along `axis`, or of all elements as one vector; its gradient at 0 is NaN, but for ord 1.

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
    power = _power(ord)
    if axis is not None and len(axes) > 1 and power != 2:
        raise GraphError(f"norm: ord {ord!r} along {len(axes)} axes is not supported: expected one axis")
    magnitude = Abs.of(value) if is_complex(value.element_type) or power != 2 else value
    if math.isinf(power):
        extremum = Max if power > 0 else Min
        return named_as(name, lambda: extremum.over(magnitude, axes, keepdims))
    if power == 1:
        return named_as(name, lambda: Sum.over(magnitude, axes, keepdims))
    if power == 2:
        return named_as(name, lambda: Sqrt.of(Sum.over(magnitude * magnitude, axes, keepdims)))
    return named_as(name, lambda: Pow.of(Sum.over(Pow.of(magnitude, power), axes, keepdims), 1 / power))


def l2_normalize(x: Operand, axis: Axes = None, epsilon: float = 1e-12, name: str | None = None) -> Tensor:
    """`x` over its Euclidean norm along `axis`; what is shorter than sqrt(epsilon) is divided by that."""
    value = of_dtype(as_tensor(x, "l2_normalize"), is_float, "l2_normalize")
    axes = checked_axes(axis, value.ndim, "l2_normalize")
    square = Sum.over(value * value, axes, keepdims=True)
    return named_as(name, lambda: value * Rsqrt.of(Maximum.of(square, epsilon)))


def _variance(x: Tensor, axes: list[int], correction: float, keepdims: bool) -> Tensor:
    total = _squared_distances(x, Mean.over(x, axes, keepdims=True), axes, keepdims)
    count = element_count(x, axes)
    return total / Maximum.of(count - correction, 0) if correction else total / count


def _squared_distances(x: Tensor, mean: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    distance = x - mean
    return Sum.over(distance * distance, axes, keepdims)


def _power(order: object) -> float:
    if order in ("euclidean", "fro"):
        return 2
    if isinstance(order, bool | str) or not isinstance(order, int | float):
        raise ArgumentTypeError(f"norm: ord: expected a number or 'euclidean', got {order!r}")
    if order == 0 or math.isnan(order):
        raise GraphError(f"norm: ord {order!r} is no norm; count_nonzero counts what is not 0")
    return float(order)
