"""Reductions along axes: sums, extrema, means, counts, and the positions of extrema."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects.builtin import DYNAMIC_INDEX, i1, i64

from pullback.dialects.graph.along_axes.arg_extrema import ArgMax, ArgMin, Position
from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.reductions import AllTrue, AnyTrue, Max, Min, Prod, Sum
from pullback.dialects.graph.along_axes.softmax import LogSumExp
from pullback.dialects.graph.along_axes.statistics import Mean
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.families import is_integer
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, element_type_from, is_static
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import Axes, checked_axes, checked_axis
from pullback.frontend.operands.checked_dtypes import in_dtype, of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = [
    "add_n",
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "logsumexp",
    "max",
    "mean",
    "min",
    "prod",
    "sum",
]


def sum(
    x: Operand, axis: Axes = None, keepdims: bool = False, dtype: object = None, name: str | None = None
) -> Tensor:
    """The sum along `axis`; with `keepdims` the reduced axes stay, as extents of 1. It has the dtype of `x`, unless
    there is a `dtype`, to which the elements are cast first.
    """
    return _over(Sum, in_dtype(as_tensor(x, "sum"), dtype), axis, keepdims, name)


def prod(
    x: Operand, axis: Axes = None, keepdims: bool = False, dtype: object = None, name: str | None = None
) -> Tensor:
    """The product along `axis`, in the dtype of `x` or in `dtype`: see `sum`. The gradient is right at zeros."""
    return _over(Prod, in_dtype(as_tensor(x, "prod"), dtype), axis, keepdims, name)


def max(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The largest element along `axis`; equal ones share the gradient."""
    return _over(Max, as_tensor(x, "max"), axis, keepdims, name)


def min(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The smallest element along `axis`; equal ones share the gradient."""
    return _over(Min, as_tensor(x, "min"), axis, keepdims, name)


def mean(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The arithmetic mean along `axis` of a floating-point tensor; NaN of no elements."""
    return _over(Mean, as_tensor(x, "mean"), axis, keepdims, name)


def logsumexp(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The logarithm of the sum of exp(x) along `axis`, which does not overflow."""
    return _over(LogSumExp, as_tensor(x, "logsumexp"), axis, keepdims, name)


def any(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Whether an element along `axis` is true, or not zero."""
    return _over(AnyTrue, Cast.to(as_tensor(x, "any"), i1), axis, keepdims, name)


def all(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Whether all elements along `axis` are true, or not zero."""
    return _over(AllTrue, Cast.to(as_tensor(x, "all"), i1), axis, keepdims, name)


def count_nonzero(x: Operand, axis: Axes = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The number of elements along `axis` that are true, or not zero: i64."""
    truth = Cast.to(as_tensor(x, "count_nonzero"), i1)
    axes = checked_axes(axis, truth.ndim, "count_nonzero")
    return named_as(name, lambda: Sum.over(Cast.to(truth, i64), axes, keepdims))


def argmax(
    x: Operand,
    axis: int | None = None,
    keepdims: bool = False,
    output_type: object = "i64",
    name: str | None = None,
) -> Tensor:
    """The index of the largest element along `axis`; the first of equal ones, or of NaNs.

    Args:
        x: numbers or truth values.
        axis: counted from the end if negative; `None` for the index in row-major order of the whole tensor.
        keepdims: whether reduced axes stay, as extents of 1.
        output_type: an integer dtype.
        name: of the operation.

    Raises:
        ValueError: for an axis that does not exist or has no elements, complex numbers, a dtype that is no integer.
    """
    return _position(ArgMax, as_tensor(x, "argmax"), axis, keepdims, output_type, name)


def argmin(
    x: Operand,
    axis: int | None = None,
    keepdims: bool = False,
    output_type: object = "i64",
    name: str | None = None,
) -> Tensor:
    """The index of the smallest element along `axis`; the first of equal ones, or of NaNs. See `argmax`."""
    return _position(ArgMin, as_tensor(x, "argmin"), axis, keepdims, output_type, name)


def _over(op: type[OverAxes], value: Tensor, axis: Axes, keepdims: bool, name: str | None) -> Tensor:
    what = op.name.removeprefix("graph.")
    axes = checked_axes(axis, value.ndim, what)
    of_dtype(value, op.DTYPES, what)
    return named_as(name, lambda: op.over(value, axes, keepdims))


def _position(
    op: type[Position], value: Tensor, axis: int | None, keepdims: bool, output_type: object, name: str | None
) -> Tensor:
    what = op.name.removeprefix("graph.")
    of_dtype(value, op.DTYPES, what)
    result = element_type_from(output_type)
    if not is_integer(result):
        raise ArgumentTypeError(f"{what}: output_type: expected an integer dtype, got {output_type!r}")
    if axis is not None:
        at = checked_axis(axis, value.ndim, what)
        return named_as(name, lambda: Cast.to(op.along(value, at, keepdims), result))
    found = named_as(name, lambda: op.along(flattened(value), 0))
    return Cast.to(Reshape.to(found, [1] * value.ndim) if keepdims else found, result)


def flattened(x: Tensor) -> Tensor:
    """All elements in row-major order, as one axis."""
    if x.ndim == 1:
        return x
    return Reshape.to(x, (math.prod(x.extents) if is_static(x.type) else DYNAMIC_INDEX,))


def add_n(inputs: Sequence[Operand], name: str | None = None) -> Tensor:
    """The sum of tensors of one dtype and shape, all at once; slices among them are added as the tensors they are of.

    Raises:
        ValueError: for no tensors, or different dtypes or shapes.
    """
    if not isinstance(inputs, list | tuple) or not inputs:
        raise ArgumentTypeError(f"add_n: inputs: expected a list of at least one tensor, got {inputs!r}")
    terms = [as_tensor(x, f"add_n: inputs[{i}]") for i, x in enumerate(inputs)]
    return named_as(name, lambda: AddN.of(*terms))
