"""NumPy dtypes of the types below level `kernels`, and NumPy values of constants."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    FloatAttr,
    IndexType,
    IntegerAttr,
    MemRefType,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.types import NUMPY_DTYPES
from pullback.dialects.ir.diagnostics import DiagnosticError

DType: TypeAlias = np.dtype[Any]
Value: TypeAlias = Any
"""A NumPy scalar or array (NumPy has no static type for both with their arithmetic)."""


class DTypeError(DiagnosticError, TypeError):
    """NumPy has no counterpart of a type, or of a constant."""


@cache
def dtype_of(type_: Attribute) -> DType:
    """The dtype of a value of this type, or of an element of it: `index` is int64, `i1` is bool.

    Raises TypeError where NumPy has none.
    """
    match type_:
        case VectorType() | MemRefType() | TensorType():
            return dtype_of(type_.element_type)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        case IndexType():
            return np.dtype(np.int64)
        case _ if type_ in NUMPY_DTYPES:
            return NUMPY_DTYPES[type_]
        case _:
            expected = ", ".join(["index", *map(str, NUMPY_DTYPES)])
            raise DTypeError(f"{type_} has no NumPy dtype here: expected one of {expected}")


def constant_value(attribute: Attribute, type_: Attribute) -> Value:
    """A constant's value: a NumPy scalar, or an array of the attribute's shape. TypeError for other kinds."""
    dtype = dtype_of(type_)
    match attribute:
        case IntegerAttr():  # an attribute may hold 255 or -1 for the same i8
            return np.array(attribute.value.data).astype(dtype)[()]
        case FloatAttr():
            return dtype.type(attribute.value.data)
        case DenseIntOrFPElementsAttr():
            numbers = np.array(attribute.get_values())
            if dtype.kind == "c":  # pairs of numbers
                numbers = numbers.reshape(-1, 2) @ np.array([1, 1j])
            numbers, shape = numbers.astype(dtype), attribute.get_shape()
            return np.full(shape, numbers[0]) if numbers.size == 1 else numbers.reshape(shape)
        case _:
            raise DTypeError(f"no NumPy value for the constant {attribute}")
