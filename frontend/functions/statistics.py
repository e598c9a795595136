"""Statistics of the elements along axes, made of reductions."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.along_axes.statistics import Mean, element_count
from pullback.dialects.graph.elementwise.basic import Cast, Maximum
from pullback.dialects.graph.elementwise.exponential import Sqrt
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.families import is_float
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import Axes, checked_axes
from pullback.frontend.operands.checked_dtypes import of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = ["moments", "std", "var"]


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
    return named_as(name, lambda: Cast.to(_variance(value, axes, correction, keepdims), value.element_type))


def std(
    x: Operand, axis: Axes = None, correction: float = 0, keepdims: bool = False, name: str | None = None
) -> Tensor:
    """The standard deviation along `axis`, the square root of `var`."""
    value = of_dtype(as_tensor(x, "std"), is_float, "std")
    axes = checked_axes(axis, value.ndim, "std")

    def root() -> Tensor:
        return Cast.to(Sqrt.of(_variance(value, axes, correction, keepdims)), value.element_type)

    return named_as(name, root)


def moments(x: Operand, axes: Axes, keepdims: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The mean and the variance along `axes` of real floating-point numbers; see `var`."""
    value = of_dtype(as_tensor(x, "moments"), is_float, "moments")
    over = checked_axes(axes, value.ndim, "moments")
    wide = in_accumulator(value)
    average = named_as(name, lambda: Mean.over(wide, over, keepdims=True))
    spread = _squared_distances(wide, average, over, keepdims) / element_count(wide, over)
    mean, variance = (Cast.to(t, value.element_type) for t in (average, spread))
    return mean if keepdims else Reshape.like(mean, variance), variance


def _variance(value: Tensor, axes: list[int], correction: float, keepdims: bool) -> Tensor:
    """The variance, in the dtype in which elements are added up."""
    x = in_accumulator(value)
    total = _squared_distances(x, Mean.over(x, axes, keepdims=True), axes, keepdims)
    count = element_count(x, axes)
    return total / Maximum.of(count - correction, 0) if correction else total / count


def _squared_distances(x: Tensor, mean: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    distance = x - mean
    return Sum.over(distance * distance, axes, keepdims)
