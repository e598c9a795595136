"""Tensors in memory: their memrefs."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.passes.lowering.strided_layout import memref_type


def tensor_memref(value: SSAValue) -> MemRefType:
    """The memref type of a tensor value."""
    return memref_type(shape_of_type(value.type), element_type_of(value.type))


def bytes_of(type_: MemRefType) -> int:
    """The size of a memref of static shape."""
    return prod(type_.get_shape()) * max(bit_width(type_.element_type), 8) // 8
