"""What a user may pass where a tensor is meant: tensors, variables, slices, arrays, numbers, nested lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.base import Array
from pullback.dialects.graph.creation import Constant, Fill
from pullback.dialects.graph.pieces import Concat
from pullback.dialects.graph.rearranging import ExpandDims
from pullback.dialects.graph.types import DTYPES, NUMPY_DTYPES, element_type_from, numpy_dtype
from pullback.dialects.graph.value import Number, Operators, Tensor
from pullback.frontend.errors import ArgumentTypeError

NARROW: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float64): np.dtype(np.float32),
    np.dtype(np.int64): np.dtype(np.int32),
    np.dtype(np.complex128): np.dtype(np.complex64),
}
"""What NumPy makes of Python's numbers, and the dtype that they get here."""


def as_tensor(value: object, what: str = "the argument", dtype: object = None) -> Tensor:
    """`value` as a tensor.

    Args:
        value: a tensor, a variable (which is read), slices (which become dense), an array, a number, or a
            list of these (which are stacked along a new first axis).
        what: names the argument in errors.
        dtype: of constants made from numbers and lists; f32 and i32 unless given.

    Raises:
        ValueError: for anything else. It is a `TypeError` too.
    """
    if isinstance(value, Operators):
        return value.as_tensor()
    if isinstance(value, Number):
        return Fill.scalar(value, element_type_from(dtype if dtype is not None else default_dtype(value)))
    if isinstance(value, np.ndarray | np.generic):
        return Constant.from_array(as_array(value, what))
    if isinstance(value, list | tuple):
        return _stacked(cast("Sequence[Any]", value), what, dtype)
    raise ArgumentTypeError(
        f"{what}: expected a tensor, a variable, an array or a number, got {type(value).__name__}"
    )


def default_dtype(value: Number) -> str:
    """The dtype that a Python number becomes."""
    if isinstance(value, complex):
        return "complex<f32>"
    return "i1" if isinstance(value, bool) else "i32" if isinstance(value, int) else "f32"


def _stacked(values: Sequence[Any], what: str, dtype: object) -> Tensor:
    if not _holds_tensor(values):
        return Constant.from_array(as_array(values, what, dtype))
    parts = [as_tensor(v, f"{what}[{i}]", dtype) for i, v in enumerate(values)]
    rows = [ExpandDims.at(part, [0]) for part in parts]
    return Concat.of(*rows, axis=IntegerAttr(0, i64))


def as_array(value: object, what: str, dtype: object = None) -> Array:
    """Data as an array of a dtype that tensors have; an array of such a dtype is given as it is.

    Args:
        value: an array, a number, or a nested list of numbers.
        what: names the argument in errors.
        dtype: of the result; unless given, Python floats become f32, integers i32, and arrays keep theirs.

    Raises:
        ValueError: for anything else. It is a `TypeError` too.
    """
    if _holds_tensor(value):
        raise ArgumentTypeError(f"{what}: expected numbers or an array, got a tensor; stack() joins several")
    try:
        array = np.asarray(value)
    except ValueError:
        raise ArgumentTypeError(f"{what}: expected lists of one length at each depth, got {value}") from None
    except OverflowError:
        raise ArgumentTypeError(f"{what}: a number is too large for any dtype") from None
    if array.dtype.kind not in "biufc" and array.dtype not in NUMPY_DTYPES.values():
        kind = type(value).__name__ if array.ndim == 0 else f"{type(value).__name__} of {array.dtype.name}"
        raise ArgumentTypeError(f"{what}: expected numbers or an array, got {kind}")
    if dtype is not None:
        return _converted(array, numpy_dtype(element_type_from(dtype)), what)
    if not isinstance(value, np.ndarray | np.generic):
        array = _converted(array, NARROW.get(array.dtype, array.dtype), what)
    if array.dtype not in NUMPY_DTYPES.values():
        known = ", ".join(DTYPES)
        raise ArgumentTypeError(f"{what}: dtype {array.dtype} is not supported: expected one of {known}")
    return array


def _converted(array: Array, dtype: np.dtype[Any], what: str) -> Array:
    """The array in another dtype; `ValueError` for numbers that it cannot hold."""
    if array.dtype.kind in "iu" and dtype.kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ArgumentTypeError(f"{what}: a number is out of range for {dtype}; give another dtype=")
    if array.dtype.kind == "c" and dtype.kind != "c":
        raise ArgumentTypeError(f"{what}: complex numbers are no values of {dtype}: take their real() first")
    try:
        with np.errstate(over="raise"):
            return array.astype(dtype, copy=False)
    except FloatingPointError:
        raise ArgumentTypeError(f"{what}: a number is too large for {dtype}; give another dtype=") from None


def _holds_tensor(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_tensor, cast("Sequence[object]", value)))
    return isinstance(value, Operators)
