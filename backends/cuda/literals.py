"""Spells numbers in CUDA C++."""

from __future__ import annotations

import math

import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IntegerAttr,
    MemRefType,
    VectorType,
)
from xdsl.ir import Attribute

from pullback.backends.cuda.c_types import CTypes
from pullback.dialects.graph.tensor.types import numpy_dtype
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.ir.diagnostics import UnsupportedError


def is_literal(text: str) -> bool:
    """Tells the text of a number from an identifier."""
    return text[0] in "-(0123456789"


def negatable(text: str) -> str:
    """The text in parentheses if it begins with a sign: `--1` would be another operator."""
    return f"({text})" if text.startswith("-") else text


def float_literal(value: float, type_: Attribute) -> str:
    """The shortest decimal that reads back as the same number; bits for infinities and NaN."""
    if isinstance(type_, Float16Type | BFloat16Type):
        bits = int(np.array(value, numpy_dtype(type_)).view(np.uint16))
        return f"{'Half' if isinstance(type_, Float16Type) else 'BFloat16'}{{0x{bits:04x}}}"
    single = isinstance(type_, Float32Type)
    if math.isfinite(value):
        digits = str(np.float32(value)) if single else repr(float(value))
        return digits + "f" if single else digits
    if single:
        return f"__int_as_float(0x{int(np.array(value, np.float32).view(np.uint32)):08x})"
    return f"__longlong_as_double(0x{int(np.array(value, np.float64).view(np.uint64)):016x}ll)"


def integer_literal(value: int, type_: Attribute, types: CTypes) -> str:
    """A literal of this value; its own type may be `int` where the value fits."""
    name = types.element(type_)
    if name == "bool":
        return "true" if value else "false"
    if name == "unsigned":
        if not -(2**31) <= value < 2**32:
            raise UnsupportedError(f"the index {value} needs more than the 32 bits of its kernel's indices")
        return str(value) if 0 <= value < 2**31 else f"{value % 2**32}u"
    if name == "long long":
        if value == -(2**63):
            return "(-9223372036854775807ll - 1)"
        return str(value) if abs(value) < 2**31 else f"{value}ll"
    bits = int(np.int32(value)) if name == "int" else value
    return "(-2147483647 - 1)" if bits == -(2**31) else str(bits)


def literal(attribute: Attribute, type_: Attribute, types: CTypes) -> str:
    """A constant's value; UnsupportedError for anything but numbers."""
    match attribute:
        case FloatAttr():
            return float_literal(attribute.value.data, type_)
        case IntegerAttr():
            return integer_literal(attribute.value.data, type_, types)
        case _:
            raise UnsupportedError(f"no CUDA literal for {attribute}")


def elements(
    attribute: Attribute | None, type_: MemRefType[Attribute] | VectorType[Attribute], types: CTypes
) -> list[str]:
    """The literals of a dense attribute's elements, in order."""
    if not isinstance(attribute, DenseIntOrFPElementsAttr):
        raise UnsupportedError(f"a global needs its elements in the text, got {attribute}")
    element_type = type_.element_type
    if isinstance(element_type, Float16Type | BFloat16Type | Float32Type | Float64Type):
        literals = [float_literal(float(value), element_type) for value in attribute.get_values()]
    else:
        literals = [integer_literal(int(value), element_type, types) for value in attribute.get_values()]
    return literals[:1] * math.prod(type_.get_shape()) if is_uniform(attribute) else literals


def folded_product(text: str, factor: int) -> str:
    """`text * factor`; the product itself where the text is a number, which might not fit its type else."""
    if text.lstrip("-").isdigit():
        return str(int(text) * factor)
    return text if factor == 1 else f"{text} * {factor}"
