"""Types of elementwise operands: a scalar, or a vector or tensor of it; shape and element type of each."""

from __future__ import annotations

from functools import lru_cache

from xdsl.dialects.builtin import TensorType, VectorType
from xdsl.ir import Attribute


# xDSL checks a type when it is made, which costs more than most of what is done with it; and equal operations are
# verified once only where they share their types.
@lru_cache(maxsize=1 << 14)
def vector_type(element_type: Attribute, *shape: int) -> VectorType:
    """Builds the vector type of this shape, uniqued: the same object for equal arguments."""
    return VectorType(element_type, shape)


def shape_of(type: Attribute) -> tuple[int, ...] | None:
    """The shape of a vector or tensor type; None for a scalar type."""
    return type.get_shape() if isinstance(type, VectorType | TensorType) else None


def element_type_of(type: Attribute) -> Attribute:
    """The element type of a vector or tensor type; a scalar type is its own."""
    return type.element_type if isinstance(type, VectorType | TensorType) else type


def with_element_type(type: Attribute, element_type: Attribute) -> Attribute:
    """Replaces the element type of `type` (or a scalar type itself)."""
    if isinstance(type, VectorType):
        if not any(type.scalable_dims):
            return vector_type(element_type, *type.get_shape())
        return VectorType(element_type, type.shape, type.scalable_dims)
    if isinstance(type, TensorType):
        return TensorType(element_type, type.shape, type.encoding)
    return element_type
