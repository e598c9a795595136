"""Vectors in CUDA C++: a struct of lanes, whose alignment makes its loads and stores single instructions."""

from __future__ import annotations

from xdsl.dialects.builtin import IndexType, VectorType
from xdsl.ir import Attribute

from pullback.dialects.ir.diagnostics import UnsupportedError

VECTOR = """\
// Lanes that memory holds side by side: of 4, 8 or 16 bytes, they are loaded and stored at once.
template <typename T, int N> struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Vector { T at[N]; };
"""
"""The definition that text with vectors begins with."""
SPLAT = """\
template <typename T, int N> __device__ __forceinline__ Vector<T, N> splat(T value) {
  Vector<T, N> result;
#pragma unroll
  for (int lane = 0; lane < N; ++lane) result.at[lane] = value;
  return result;
}
"""
"""The function that makes a vector of one value."""


def lanes(type_: Attribute) -> int | None:
    """The number of lanes of a vector type, None for other types; UnsupportedError for vectors without text."""
    if not isinstance(type_, VectorType):
        return None
    shape = type_.get_shape()
    if len(shape) != 1 or any(type_.scalable_dims) or shape[0].bit_count() != 1:
        raise UnsupportedError(f"no CUDA type for {type_}: expected one dimension, of 1, 2, 4, 8, … lanes")
    if isinstance(type_.element_type, IndexType):
        raise UnsupportedError(f"no CUDA type for {type_}: expected lanes of numbers, not of indices")
    return shape[0]


def vector_name(element: str, count: int) -> str:
    """The type of so many lanes."""
    return f"Vector<{element}, {count}>"
