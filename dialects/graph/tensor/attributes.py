"""Conversion between Python's values and attributes: numbers of an element type, lists of axes or sizes, options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    UnitAttr,
    i1,
    i64,
)
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.insertion import is_written_by_user
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import (
    GraphError,
    is_complex,
    is_float,
    is_inexact,
    numpy_dtype,
    real_type_of,
)
from pullback.dialects.ir.by_identity import by_identity


def scalar_attribute(value: Number, element_type: Attribute) -> Attribute:
    """Builds the attribute of a number of this element type; `GraphError` where the type cannot hold it.

    A complex number is an array of its real and imaginary parts.
    """
    check_kept(value, element_type)
    if is_complex(element_type):
        parts = (value.real, value.imag)
        return ArrayAttr([scalar_attribute(part, real_type_of(element_type)) for part in parts])
    if isinstance(value, complex):
        raise GraphError(
            f"{value!r} is no value of dtype {element_type}: cast the tensor to a complex dtype first"
        )
    if is_float(element_type):
        if not _is_held(value, numpy_dtype(element_type)):
            raise GraphError(f"{_shown(value)} is no value of dtype {element_type}: it is too large")
        return FloatAttr(float(value), element_type)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]
    if not isinstance(element_type, IntegerType):
        raise GraphError(f"no number of element type {element_type}")
    if isinstance(value, float) and not value.is_integer():
        raise GraphError(
            f"{value!r} is no value of dtype {element_type}: cast the tensor to a floating-point dtype first"
        )
    low, high = integer_range(element_type)
    if not low <= value <= high:
        raise GraphError(f"{_shown(value)} is no value of dtype {element_type}: expected {low} to {high}")
    return IntegerAttr(int(value), element_type)


def _is_held(value: float, dtype: np.dtype[Any]) -> bool:
    """Tells whether a number is infinite, or stays finite as a float of this dtype, which may round it."""
    try:
        number = float(value)
    except OverflowError:  # an integer beyond every float
        return False
    with np.errstate(over="ignore"):
        return math.isinf(number) or not np.isinf(dtype.type(number))


def _shown(value: float) -> str:
    """Formats a number for a message; Python refuses to print integers of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 200:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def check_kept(value: Number, element_type: Attribute) -> None:
    """Checks that a number that a user wrote does not underflow to 0 in its dtype; raises `GraphError`."""
    if value == 0 or not is_written_by_user() or not is_inexact(element_type):
        return
    if isinstance(value, int) or (isinstance(value, complex) and not is_complex(element_type)):
        return  # whole numbers do not vanish; complex ones are no values of this dtype at all
    with np.errstate(all="ignore"):
        if np.asarray(value).astype(numpy_dtype(element_type)) == 0:
            raise GraphError(
                f"{value!r} is no value of dtype {element_type}: it is so small that it would be 0; cast the tensor to "
                "a wider dtype first"
            )


def integer_range(element_type: IntegerType) -> tuple[int, int]:
    """The smallest and the largest value of an integer type."""
    if element_type.width.data == 1:
        return 0, 1
    limits = np.iinfo(numpy_dtype(element_type))
    return int(limits.min), int(limits.max)


def number_of(value: Attribute) -> Number:
    """The Python number that an attribute holds; see `scalar_attribute`."""
    if isinstance(value, ArrayAttr):
        return complex(*(part.value.data for part in value.data if isinstance(part, FloatAttr)))
    assert isinstance(value, FloatAttr | IntegerAttr)
    return bool(value.value.data) if value.type == i1 else value.value.data  # xDSL holds true as -1


def is_element(value: Attribute, element_type: Attribute) -> bool:
    """Tells whether an attribute holds a number of this element type."""
    if isinstance(value, ArrayAttr) and is_complex(element_type):
        parts = [getattr(part, "type", None) for part in value.data]
        return parts == [real_type_of(element_type)] * 2
    return getattr(value, "type", None) == element_type


def integers(values: Sequence[int]) -> DenseArrayBase:
    """Builds the property that lists axes or sizes, the same object for equal ones."""
    return _integers(tuple(values))


@lru_cache(maxsize=1 << 12)
def _integers(values: tuple[int, ...]) -> DenseArrayBase:
    return DenseArrayBase.from_list(i64, values)


def integer_list(properties: Mapping[str, Attribute], name: str) -> list[int]:
    """The axes or sizes that a property lists."""
    return list(_values_of(properties[name]))


@by_identity
def _values_of(attribute: Attribute) -> tuple[int, ...]:
    assert isinstance(attribute, DenseArrayBase)
    return tuple(int(value) for value in attribute.get_values())


def flag(on: bool, name: str) -> dict[str, Attribute]:
    """Builds the properties of a boolean option: `{name: unit}` where it is on, else none."""
    return {name: UnitAttr()} if on else {}
