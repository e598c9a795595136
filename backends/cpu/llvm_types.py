"""Spells level `loops`'s types and constants in LLVM IR."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from decimal import Decimal
from math import prod
from typing import cast

import numpy as np
from xdsl.dialects.builtin import (
    BFloat16Type,
    ComplexType,
    DenseIntOrFPElementsAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    MemRefType,
    VectorType,
)
from xdsl.ir import Attribute

from pullback.dialects.ir.by_identity import by_identity
from pullback.dialects.ir.dense import is_uniform

INDEX_BITS = 64
VECTOR_CODE = 'alignstack(64) "prefer-vector-width"="512"'
"""Attributes of a function that computes with vectors.

LLVM stores what a call may overwrite where the stack happens to be, by default at a multiple of 16 bytes: vectors of 64
would lie in two lines of the cache, in three processes of four. Without the second attribute LLVM may halve the vectors
that the lowering chose.
"""
FLOATS: dict[type[Attribute], tuple[str, str, int]] = {
    Float16Type: ("half", "f16", 2),
    BFloat16Type: ("bfloat", "bf16", 2),
    Float32Type: ("float", "f32", 4),
    Float64Type: ("double", "f64", 8),
}
"""Float type -> its LLVM name, its short name in intrinsics, and its size in bytes."""


def integer_width(type: Attribute) -> int:
    """The width in bits of an integer or index type."""
    return type.width.data if isinstance(type, IntegerType) else INDEX_BITS


def element_type(type: Attribute) -> Attribute:
    """The element type of a vector; a scalar type is its own."""
    return type.element_type if isinstance(type, VectorType) else type


def length(type: Attribute) -> int | None:
    """The number of elements of a vector, over all its dimensions; None for a scalar."""
    return prod(type.get_shape()) if isinstance(type, VectorType) else None


@by_identity
def spell(type: Attribute) -> str:
    """The LLVM type: `<16 x float>`, `i64` for index, `ptr` for a memref.

    A vector of higher rank is flattened in row-major order. Raises ValueError for other types.
    """
    if isinstance(type, VectorType):
        return f"<{length(type)} x {spell(type.element_type)}>"
    if isinstance(type, IntegerType | IndexType):
        return f"i{integer_width(type)}"
    if isinstance(type, MemRefType):
        return "ptr"
    if type.__class__ in FLOATS:
        return FLOATS[type.__class__][0]
    if isinstance(type, ComplexType):
        return f"{{ {spell(type.element_type)}, {spell(type.element_type)} }}"
    raise ValueError(
        f"LLVM IR has no type for {type}: level 'loops' holds floats, integers, index, vectors and memrefs"
    )


@by_identity
def suffix(type: Attribute) -> str:
    """The suffix of intrinsics and library functions for a type: `v16f32`, `i64`."""
    if isinstance(type, VectorType):
        return f"v{length(type)}{suffix(type.element_type)}"
    return FLOATS[type.__class__][1] if type.__class__ in FLOATS else spell(type)


def size_in_bytes(type: Attribute) -> int:
    """The size of one scalar in memory; raises ValueError for i1 and other partial bytes."""
    if type.__class__ in FLOATS:
        return FLOATS[type.__class__][2]
    if isinstance(type, ComplexType):
        return 2 * size_in_bytes(type.element_type)
    width = integer_width(type)
    if width % 8:
        raise ValueError(f"{type} has no place in memory: store it as i8, 0 or 1")
    return width // 8


def alignment(type: Attribute) -> int:
    """The alignment of a scalar in bytes: its size, or that of a complex number's parts."""
    return size_in_bytes(type.element_type if isinstance(type, ComplexType) else type)


def float_literal(value: float, type: Attribute) -> str:
    """A float constant: decimal where short and exact, else the bits in hexadecimal."""
    if isinstance(type, Float16Type):
        return f"0xH{struct.unpack('<H', struct.pack('<e', value))[0]:04X}"
    if isinstance(type, BFloat16Type):
        return f"0xR{round_to_bfloat16(value):04X}"
    # LLVM writes an f32 as the f64 of the same value.
    value = float(np.float32(value)) if isinstance(type, Float32Type) else value
    text = repr(value)
    if "." in text and "e" not in text and len(text) <= 12 and Decimal(text) == Decimal(value):
        return text
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def round_to_bfloat16(value: float) -> int:
    """The bits of the bfloat16 nearest to a float, ties to even; NaN stays NaN."""
    bits: int = struct.unpack("<I", np.float32(value).tobytes())[0]
    if value != value:
        return bits >> 16 | 0x40
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def integer_literal(value: int, type: Attribute) -> str:
    """An integer constant; booleans by name."""
    if integer_width(type) == 1:
        return "true" if value else "false"
    return str(value)


def scalar_literal(value: float | int | tuple[float, float], type: Attribute) -> str:
    """A scalar constant of a float, integer, index or complex type."""
    if isinstance(type, ComplexType):
        assert isinstance(value, tuple)
        part = spell(type.element_type)
        return f"{{ {', '.join(f'{part} {float_literal(number, type.element_type)}' for number in value)} }}"
    assert not isinstance(value, tuple)
    return float_literal(value, type) if type.__class__ in FLOATS else integer_literal(int(value), type)


def splat(scalar: str, type: VectorType) -> str:
    """A vector constant whose elements are all the constant `scalar`."""
    return f"splat ({spell(type.element_type)} {scalar})"


def vector_literal(scalars: list[str], type: VectorType) -> str:
    """A vector constant from its elements in row-major order."""
    if all(scalar == scalars[0] for scalar in scalars):
        return splat(scalars[0], type)
    element = spell(type.element_type)
    return f"<{', '.join(f'{element} {scalar}' for scalar in scalars)}>"


def dense_literals(value: DenseIntOrFPElementsAttr) -> list[str]:
    """The elements of a dense attribute as constants, in row-major order."""
    element = value.get_element_type()
    numbers = cast(Sequence[int] | Sequence[float] | Sequence[tuple[float, float]], value.get_values())
    if numbers and is_uniform(value):
        return [scalar_literal(numbers[0], element)] * prod(value.get_shape() or ())
    return [scalar_literal(number, element) for number in numbers]


@by_identity
def constant(value: Attribute) -> str:
    """The text of an `arith.constant`'s value, without its type. Raises ValueError for other attributes."""
    if isinstance(value, FloatAttr):
        return float_literal(value.value.data, value.type)
    if isinstance(value, IntegerAttr):
        return integer_literal(value.value.data, value.type)
    if isinstance(value, DenseIntOrFPElementsAttr) and isinstance(value.type, VectorType):
        if is_uniform(value):
            return splat(dense_literals(value)[0], value.type)
        return vector_literal(dense_literals(value), value.type)
    raise ValueError(f"expected a constant that is a number or a dense vector, got {value}")
