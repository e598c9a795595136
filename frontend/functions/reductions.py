"""Functions that combine the elements along axes."""

from __future__ import annotations

from math import prod

from pullback.dialects.graph.creation import Fill
from pullback.dialects.graph.elementwise import Cast
from pullback.dialects.graph.reductions import Max, Sum
from pullback.dialects.graph.shapes import Size
from pullback.dialects.graph.types import is_float, is_static
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.emit import named_as
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.functions.axes import Axes, checked_axes

__all__ = ["max", "mean", "sum"]


def sum(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The sum along `axis`; with `keepdims` the reduced axes stay, as extents of 1."""
    value = as_tensor(x, "sum")
    axes = checked_axes(axis, value.ndim, "sum")
    return named_as(name, lambda: Sum.over(value, axes, keepdims))


def max(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The largest element along `axis`; equal ones share the gradient."""
    value = as_tensor(x, "max")
    axes = checked_axes(axis, value.ndim, "max")
    return named_as(name, lambda: Max.over(value, axes, keepdims))


def mean(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The arithmetic mean along `axis` of a floating-point tensor."""
    value = as_tensor(x, "mean")
    if not is_float(value.element_type):
        raise ArgumentTypeError(
            f'mean: needs a floating-point dtype, got {value.dtype}: cast first, as in mean(cast(x, "f32"))'
        )
    total = Sum.over(value, checked_axes(axis, value.ndim, "mean"), keepdims)
    count = _elements_per_result(value, total)
    return named_as(name, lambda: total / count)


def _elements_per_result(value: Tensor, total: Tensor) -> Tensor:
    """How many elements each element of a reduction's result stands for, in the operand's dtype."""
    if is_static(value.type):
        return Fill.scalar(prod(value.extents) // (prod(total.extents) or 1), value.element_type)
    sizes = [Cast.to(Size.of(t), value.element_type) for t in (value, total)]
    return sizes[0] / sizes[1]
