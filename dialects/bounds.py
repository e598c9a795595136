"""Limits of types: tensors that no memory holds, and vectors that LLVM cannot compile, are refused early."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import FunctionType, MemRefType, TensorType, VectorType
from xdsl.ir import Attribute, ParametrizedAttribute

from pullback.dialects.graph.tensor.types import GraphError, check_size
from pullback.dialects.ir.by_identity import by_identity

LONGEST_VECTOR = 1024
"""The most elements of a vector. Ours are as long as a register; LLVM takes minutes for thousands, and aborts."""


@by_identity
def check_bounds(type_: Attribute) -> None:
    """Raises `GraphError` for a type that is too large, or that holds one."""
    match type_:
        case TensorType() | MemRefType():
            check_size(type_)  # pyright: ignore[reportUnknownArgumentType]
            check_bounds(type_.element_type)
        case VectorType():
            count = prod(type_.get_shape())
            if not 0 < count <= LONGEST_VECTOR:
                raise GraphError(f"vector_c1: {type_} has {count} elements; expected 1 to {LONGEST_VECTOR}")
        case FunctionType():
            for inner in (*type_.inputs.data, *type_.outputs.data):
                check_bounds(inner)
        case ParametrizedAttribute():
            for inner in type_.parameters:
                check_bounds(inner)
        case _:
            pass
