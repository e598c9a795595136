"""The NumPy counterpart of a type below level 3, and of a constant's attribute."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    TensorType,
    VectorType,
)
from xdsl.ir import Attribute

DType: TypeAlias = np.dtype[Any]
Value: TypeAlias = Any
"""A NumPy scalar or array (NumPy has no static type for both with their arithmetic)."""

_FLOATS: dict[type[Attribute], DType] = {
    Float16Type: np.dtype(np.float16),
    Float32Type: np.dtype(np.float32),
    Float64Type: np.dtype(np.float64),
}


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
        case IntegerType() if type_.width.data == 1:
            return np.dtype(np.bool_)
        case IntegerType() if type_.width.data in (8, 16, 32, 64):
            return np.dtype(f"i{type_.width.data // 8}")
        case Float16Type() | Float32Type() | Float64Type():
            return _FLOATS[type(type_)]
        case _:
            expected = "index, i1, i8, i16, i32, i64, f16, f32 or f64"
            raise TypeError(f"{type_} has no NumPy dtype here: expected {expected}")


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
            return numbers.astype(dtype).reshape(attribute.get_shape())
        case _:
            raise TypeError(f"no NumPy value for the constant {attribute}")
