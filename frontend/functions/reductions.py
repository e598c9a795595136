"""Functions that combine the elements along axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pullback.dialects.graph.creation import Fill
from pullback.dialects.graph.elementwise import Cast
from pullback.dialects.graph.reductions import Max, Sum
from pullback.dialects.graph.shapes import Size
from pullback.dialects.graph.types import is_static
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.emit import named_as

Axes = int | Sequence[int] | None
"""One axis, several, or all of them (`None`); negative ones count from the end."""


def sum(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The sum along `axis`; with `keepdims` the reduced axes stay, as extents of 1."""
    value = as_tensor(x, "sum")
    return named_as(name, lambda: Sum.over(value, axis, keepdims))


def max(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The largest element along `axis`; equal ones share the gradient."""
    value = as_tensor(x, "max")
    return named_as(name, lambda: Max.over(value, axis, keepdims))


def mean(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The arithmetic mean along `axis` of a floating-point tensor."""
    value = as_tensor(x, "mean")
    total = Sum.over(value, axis, keepdims)
    count = _elements_per_result(value, total)
    return named_as(name, lambda: total / count)


def _elements_per_result(value: Tensor, total: Tensor) -> Tensor:
    """How many elements each element of a reduction's result stands for, in the operand's dtype."""
    if is_static(value.type):
        return Fill.scalar(prod(value.extents) // (prod(total.extents) or 1), value.element_type)
    sizes = [Cast.to(Size.of(t), value.element_type) for t in (value, total)]
    return sizes[0] / sizes[1]
