"""Spells types and literals in CUDA C++."""

from __future__ import annotations

import math

import numpy as np
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
)
from xdsl.ir import Attribute

from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.ir.diagnostics import UnsupportedError

_INTEGERS = {1: "bool", 8: "signed char", 16: "short", 32: "int", 64: "long long"}


def c_type(type_: Attribute) -> str:
    """The type of a scalar, or of a memref's elements; UnsupportedError if CUDA text has none for it."""
    match type_:
        case Float32Type():
            return "float"
        case Float64Type():
            return "double"
        case IndexType():
            return "long long"
        case IntegerType() if type_.width.data in _INTEGERS:
            return _INTEGERS[type_.width.data]
        case MemRefType():
            return c_type(type_.element_type)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        case _:
            raise UnsupportedError(f"no CUDA type for {type_}")


def unsigned(type_: Attribute) -> str:
    """The unsigned type of the same width."""
    name = c_type(type_)
    return {"bool": "bool", "signed char": "unsigned char", "int": "unsigned"}.get(name, f"unsigned {name}")


def float_literal(value: float, type_: Attribute) -> str:
    """The shortest decimal that reads back as the same number; bits for infinities and NaN."""
    single = isinstance(type_, Float32Type)
    if math.isfinite(value):
        digits = str(np.float32(value)) if single else repr(float(value))
        return digits + "f" if single else digits
    if single:
        return f"__int_as_float(0x{int(np.array(value, np.float32).view(np.uint32)):08x})"
    return f"__longlong_as_double(0x{int(np.array(value, np.float64).view(np.uint64)):016x}ll)"


def integer_literal(value: int, type_: Attribute) -> str:
    """A literal of exactly this type."""
    name = c_type(type_)
    if name == "bool":
        return "true" if value else "false"
    if name != "long long":
        bits = int(np.int32(value)) if name == "int" else value
        return "(-2147483647 - 1)" if bits == -(2**31) else str(bits)
    if value == -(2**63):
        return "(-9223372036854775807ll - 1)"
    return str(value) if abs(value) < 2**31 else f"{value}ll"


def literal(attribute: Attribute, type_: Attribute) -> str:
    """A constant's value; UnsupportedError for anything but numbers."""
    match attribute:
        case FloatAttr():
            return float_literal(attribute.value.data, type_)
        case IntegerAttr():
            return integer_literal(attribute.value.data, type_)
        case _:
            raise UnsupportedError(f"no CUDA literal for {attribute}")


def elements(attribute: Attribute | None, type_: MemRefType[Attribute]) -> list[str]:
    """The literals of a dense attribute's elements, in order."""
    if not isinstance(attribute, DenseIntOrFPElementsAttr):
        raise UnsupportedError(f"a global needs its elements in the text, got {attribute}")
    element_type = type_.element_type
    if isinstance(element_type, Float32Type | Float64Type):
        literals = [float_literal(float(value), element_type) for value in attribute.get_values()]
    else:
        literals = [integer_literal(int(value), element_type) for value in attribute.get_values()]
    return literals[:1] * math.prod(type_.get_shape()) if is_uniform(attribute) else literals
