"""Sequences of numbers, identity matrices and one-hot rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.by_index.sequences import Iota, OneHot
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Cast, Maximum
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.tensor.attributes import scalar_attribute
from pullback.dialects.graph.tensor.tensor import Number, Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    element_type_from,
    is_integer,
    numpy_dtype,
    tensor_type,
)
from pullback.frontend.functions.creation import checked_number
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import checked_axis, is_whole_number
from pullback.frontend.operands.convert import as_tensor, default_dtype

__all__ = ["arange", "eye", "linspace", "one_hot"]


def arange(
    start: Number | Tensor,
    stop: Number | Tensor | None = None,
    step: Number = 1,
    dtype: object = None,
    name: str | None = None,
) -> Tensor:
    """`start`, `start + step`, … as far as they lie before `stop`.

    Args:
        start: the first number; with no `stop` it is that, and the first number is 0.
        stop: where to end. It and `start` may be tensors of one integer, for a step of 1.
        step: the distance, not 0.
        dtype: i32 for whole numbers and f32 for others, unless given.
        name: of the operation.

    Raises:
        ValueError: for a step of 0, or numbers that the dtype cannot hold.
    """
    first, last = (0, start) if stop is None else (start, stop)
    if isinstance(first, Operators) or isinstance(last, Operators):
        return _between_tensors(first, last, step, dtype, name)
    first, last, distance = (
        _real(n, f"arange: {w}") for n, w in ((first, "start"), (last, "stop"), (step, "step"))
    )
    if distance == 0:
        raise GraphError("arange: step: expected another number than 0")
    whole = all(isinstance(n, int) for n in (first, last, distance))
    element_type = element_type_from(dtype if dtype is not None else "i32" if whole else "f32")
    count = max(math.ceil((last - first) / distance), 0)
    if whole:
        count = len(range(int(first), int(last), int(distance)))
    for number in (first, first + (count - 1) * distance) if count else ():
        scalar_attribute(number, element_type)  # raises for what the dtype cannot hold

    def make() -> Tensor:
        counted = Iota.along(0, tensor_type(element_type, (count,)))
        scaled = counted if abs(distance) == 1 else counted * abs(distance)
        if distance < 0:
            return first - scaled
        return scaled if first == 0 else scaled + first

    return named_as(name, make)


def _real(value: object, what: str) -> int | float:
    number = checked_number(value, what)
    if isinstance(number, complex):
        raise ArgumentTypeError(f"{what}: expected a real number, got {number}")
    if not math.isfinite(number):
        raise GraphError(f"{what}: expected a finite number, got {number}")
    return number


def _between_tensors(first: Any, last: Any, step: object, dtype: object, name: str | None) -> Tensor:
    if step != 1:
        raise GraphError(f"arange: step: expected 1 where start or stop is a tensor, got {step!r}")
    ends = [as_tensor(end, f"arange: {what}") for end, what in ((first, "start"), (last, "stop"))]
    for end, what in zip(ends, ("start", "stop"), strict=True):
        if end.ndim or not is_integer(end.element_type):
            raise ArgumentTypeError(f"arange: {what}: expected one integer, got {end.type}")
    like = next(e for e, given in zip(ends, (first, last), strict=True) if isinstance(given, Operators))
    element_type = element_type_from(dtype) if dtype is not None else like.element_type
    begin, end = (Cast.to(e, i64) for e in ends)
    count = Maximum.of(end - begin, 0)
    type_ = tensor_type(element_type, (DYNAMIC_INDEX,))
    counted = named_as(name, lambda: Iota.along(0, type_, [ExpandDims.at(count, [0]).value]))
    return counted if isinstance(first, int) and first == 0 else counted + Cast.to(ends[0], element_type)


def linspace(
    start: Number,
    stop: Number,
    num: int,
    dtype: object = None,
    endpoint: bool = True,
    name: str | None = None,
) -> Tensor:
    """`num` numbers at equal distances from `start` to `stop`, which is the last one if `endpoint` says so.

    Raises:
        ValueError: for a negative `num`, or an integer dtype.
    """
    ends: list[Any] = [
        checked_number(n, f"linspace: {what}") for n, what in ((start, "start"), (stop, "stop"))
    ]
    if not is_whole_number(num) or num < 0:
        raise ArgumentTypeError(f"linspace: num: expected a whole number from 0 on, got {num!r}")
    complex_ends = any(isinstance(n, complex) for n in ends)
    element_type = element_type_from(
        dtype if dtype is not None else default_dtype(1j if complex_ends else 1.0)
    )
    for end in ends:
        scalar_attribute(end if complex_ends else float(end), element_type)
    values = np.linspace(ends[0], ends[1], num, endpoint=bool(endpoint)).astype(numpy_dtype(element_type))
    return named_as(name, lambda: Constant.from_array(values))


def eye(
    n_rows: int, n_cols: int | None = None, k: int = 0, dtype: object = "f32", name: str | None = None
) -> Tensor:
    """Ones on a diagonal, zeros elsewhere.

    Args:
        n_rows: the number of rows.
        n_cols: the number of columns; that of rows unless given.
        k: which diagonal: 0 for the main one, above it if positive.
        dtype: of the result.
        name: of the operation.
    """
    columns = n_rows if n_cols is None else n_cols
    for what, n in (("n_rows", n_rows), ("n_cols", columns), ("k", k)):
        if not is_whole_number(n) or (n < 0 and what != "k"):
            raise ArgumentTypeError(f"eye: {what}: expected a whole number, got {n!r}")
    rows = Iota.along(0, tensor_type(i64, (n_rows,)))
    return one_hot(rows + k if k else rows, columns, dtype=dtype, name=name)


def one_hot(
    indices: Operand,
    depth: int,
    on_value: Number = 1,
    off_value: Number = 0,
    axis: int = -1,
    dtype: object = "f32",
    name: str | None = None,
) -> Tensor:
    """`on_value` at the place that each integer names along a new axis, `off_value` elsewhere.

    Args:
        indices: integers; one out of range names no place.
        depth: the extent of the new axis.
        on_value: a number.
        off_value: a number.
        axis: the position of the new axis in the result, counted from its end if negative.
        dtype: of the result.
        name: of the operation.
    """
    places = as_tensor(indices, "one_hot: indices")
    if not is_integer(places.element_type):
        raise ArgumentTypeError(f"one_hot: indices: expected integers, got {places.type}")
    if not is_whole_number(depth):
        raise ArgumentTypeError(f"one_hot: depth: expected a whole number, got {depth!r}")
    at = checked_axis(axis, places.ndim + 1, "one_hot")
    element_type = element_type_from(dtype)
    values = {"on": on_value, "off": off_value}
    properties = {
        what: scalar_attribute(checked_number(value, f"one_hot: {what}_value"), element_type)
        for what, value in values.items()
    }
    numbers = {"axis": IntegerAttr(at, i64), "depth": IntegerAttr(int(depth), i64)}
    return named_as(name, lambda: OneHot.of(places, **numbers, **properties))
