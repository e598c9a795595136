"""The lattice of tensor types by static information: `refined` is the meet of two types, `widened` their join.

`tensor<?x3xf32>` is above `tensor<2x3xf32>`: it holds more values and says less.
"""

from __future__ import annotations

from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.types import (
    GraphError,
    StackType,
    element_type_of,
    shape_of_type,
    tensor_type,
)


def refined(declared: Attribute, inferred: Attribute) -> Attribute:
    """The meet: the inferred type, with extents that only the declared one knows.

    Raises:
        GraphError: they contradict each other.
    """
    if not isinstance(declared, TensorType) or not isinstance(inferred, TensorType):
        return inferred
    a, b = shape_of_type(declared), shape_of_type(inferred)
    if a == b or DYNAMIC_INDEX not in (*a, *b):
        if a != b:
            raise GraphError(f"the result is declared as {declared}, its operands imply {inferred}")
        return inferred
    if len(a) != len(b) or any(n != m and DYNAMIC_INDEX not in (n, m) for n, m in zip(a, b, strict=True)):
        raise GraphError(f"the result is declared as {declared}, its operands imply {inferred}")
    return tensor_type(element_type_of(inferred), map(max, a, b))


def widened(a: Attribute, b: Attribute) -> Attribute:
    """The join: the least type that holds values of both, with `?` where extents differ.

    Raises:
        GraphError: no type does.
    """
    if a == b:
        return a
    match a, b:
        case StackType(), StackType():
            return StackType(widened(a.data_type, b.data_type))
        case TensorType(), TensorType() if a.element_type == b.element_type and len(a.get_shape()) == len(
            b.get_shape()
        ):
            shapes = zip(shape_of_type(a), shape_of_type(b), strict=True)
            return tensor_type(a.element_type, (n if n == m else DYNAMIC_INDEX for n, m in shapes))
        case _:
            raise GraphError(f"graph.while: while_c3: a carried value is {a}, and {b} after a trip")
