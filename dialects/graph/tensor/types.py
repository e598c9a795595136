"""The types of the graph dialect: tensors, indexed slices, variables and stacks, and their NumPy counterparts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    BFloat16Type,
    ComplexType,
    Float16Type,
    Float32Type,
    Float64Type,
    IntegerType,
    MemRefType,
    Signedness,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.ir.by_identity import by_identity

Shape: TypeAlias = tuple[int, ...]
"""Extents; `DYNAMIC_INDEX`, which is below every extent, means `?`."""
AnyTensor: TypeAlias = TensorType[Attribute]

ui8 = IntegerType(8, Signedness.UNSIGNED)
complex64 = ComplexType(f32)
complex128 = ComplexType(f64)

NUMPY_DTYPES: dict[Attribute, np.dtype[Any]] = {
    f32: np.dtype(np.float32),
    f64: np.dtype(np.float64),
    f16: np.dtype(np.float16),
    bf16: np.dtype(ml_dtypes.bfloat16),
    i32: np.dtype(np.int32),
    i64: np.dtype(np.int64),
    i16: np.dtype(np.int16),
    i8: np.dtype(np.int8),
    ui8: np.dtype(np.uint8),
    i1: np.dtype(np.bool_),
    complex64: np.dtype(np.complex64),
    complex128: np.dtype(np.complex128),
}
"""The NumPy dtype that holds each element type."""
DTYPES: dict[str, Attribute] = {str(element_type): element_type for element_type in NUMPY_DTYPES}
"""Every element type, by its MLIR name."""
ALIASES: dict[str, Attribute] = {"u8": ui8, "bfloat16": bf16}
"""Other names for element types, beside those that NumPy knows."""
MAX_RANK = 8
LARGEST_BYTES = 2**62
"""The largest size of a tensor in bytes, so that offsets in it fit signed 64-bit integers."""


class GraphError(VerifyException, ValueError):
    """An operation violates one of its constraints, which the message names by its label."""


class ArgumentTypeError(GraphError, TypeError):
    """An argument of a kind or dtype that is not accepted: a `ValueError` that is also a `TypeError`."""


@cache
def _tensor_type(element_type: Attribute, shape: Shape) -> AnyTensor:
    type_ = TensorType(element_type, shape)
    check_size(type_)
    return type_


def check_size(type_: TensorType[Attribute] | MemRefType[Attribute]) -> None:
    """Raises `GraphError` where a type is larger than `LARGEST_BYTES`; an extent of `?` or 0 counts as 1."""
    element = NUMPY_DTYPES.get(type_.element_type)
    count = math.prod(n for n in type_.get_shape() if n not in (DYNAMIC_INDEX, 0))
    if count * (8 if element is None else element.itemsize) > LARGEST_BYTES:
        raise GraphError(f"size_c1: {type_} is larger than 2^62 bytes")


def tensor_type(element_type: Attribute, shape: Iterable[int]) -> AnyTensor:
    """Builds the tensor type of this element type and shape, uniqued: equal types are one object, cheap to compare."""
    return _tensor_type(element_type, tuple(shape))


@by_identity
def shape_of_type(type_: Attribute) -> Shape:
    """The extents of a tensor type, looked up by the type object (`get_shape` walks attributes each time)."""
    if not isinstance(type_, TensorType):
        raise GraphError(f"expected a tensor type, got {type_}")
    return tuple(type_.get_shape())


def element_type_of(type_: Attribute) -> Attribute:
    """The element type of a tensor type; `GraphError` for any other type."""
    if not isinstance(type_, TensorType):
        raise GraphError(f"expected a tensor type, got {type_}")
    return type_.element_type


def is_static(type_: Attribute) -> bool:
    """Tells whether no extent of this tensor type is `?`."""
    return DYNAMIC_INDEX not in shape_of_type(type_)


def is_float(element_type: Attribute) -> bool:
    """Tells whether this is a real floating-point type."""
    return isinstance(element_type, Float32Type | Float64Type | Float16Type | BFloat16Type)


def is_complex(element_type: Attribute) -> bool:
    """Tells whether this is a complex type."""
    return isinstance(element_type, ComplexType)


def is_inexact(element_type: Attribute) -> bool:
    """Tells whether this is a floating-point type, real or complex."""
    return is_float(element_type) or is_complex(element_type)


def is_integer(element_type: Attribute) -> bool:
    """Tells whether this is an integer type (`i1` is a truth value, not a number)."""
    return isinstance(element_type, IntegerType) and element_type.width.data > 1


def differentiable_type(type_: Attribute) -> bool:
    """Tells whether gradients flow through values of this type: real or complex data, in whatever container."""
    match type_:
        case TensorType():
            return is_inexact(type_.element_type)
        case VariableType() | SlicesType() | StackType():
            return differentiable_type(type_.data_type)
        case _:
            return False


def data_type_of(type_: Attribute) -> Attribute:
    """The dense tensor type of a value: of a variable's contents, of slices made dense, or of the tensor itself."""
    return type_.data_type if isinstance(type_, (VariableType, SlicesType)) else type_


def known_extents(types: Sequence[Attribute]) -> tuple[int, ...]:
    """Refines the shapes of terms of one shape: an extent is static where any of them has it static."""
    return tuple(map(max, *(shape_of_type(data_type_of(t)) for t in (*types, types[0]))))


def gradient_type_of(type_: Attribute) -> Attribute:
    """The type of a gradient with respect to a value of this type (of the rows alone, for slices)."""
    match type_:
        case VariableType():
            return type_.data_type
        case SlicesType():
            return type_.values_type
        case _:
            return type_


def real_type_of(element_type: Attribute) -> Attribute:
    """The type of the real part of an element: its own, unless it is complex."""
    return element_type.element_type if isinstance(element_type, ComplexType) else element_type


def complex_type_of(element_type: Attribute) -> Attribute:
    """The complex type whose parts are of this real type; `GraphError` where there is none."""
    for known in (complex64, complex128):
        if element_type in (known, known.element_type):
            return known
    raise GraphError(f"no complex dtype has parts of {element_type}: expected f32 or f64")


def dtype_name(element_type: Attribute) -> str:
    """The MLIR name of an element type."""
    return str(element_type)


def numpy_dtype(element_type: Attribute) -> np.dtype[Any]:
    """The NumPy dtype of an element type; `GraphError` if the dialect has none."""
    dtype = NUMPY_DTYPES.get(element_type)
    if dtype is None:
        raise GraphError(f"element type {element_type} is not supported: expected one of {', '.join(DTYPES)}")
    return dtype


def element_type_from(dtype: object) -> Attribute:
    """The element type named by `"f32"`-style names, NumPy dtypes or element types themselves.

    Raises `GraphError` (a `ValueError`) for anything else.
    """
    if isinstance(dtype, Attribute):
        numpy_dtype(dtype)
        return dtype
    if isinstance(dtype, str) and (named := DTYPES.get(dtype) or ALIASES.get(dtype)) is not None:
        return named
    try:
        # NumPy takes None for float64.
        wanted = None if dtype is None else np.dtype(dtype)  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]
    except TypeError:
        wanted = None
    for element_type, known in NUMPY_DTYPES.items():
        if wanted is not None and known == wanted:
            return element_type
    raise GraphError(f"dtype {dtype!r} is not supported: expected one of {', '.join(DTYPES)}")


def broadcast_shapes(a: Shape, b: Shape) -> Shape:
    """Broadcasts two shapes by NumPy's rule; a static extent above 1 wins over `?`. `GraphError` where impossible."""
    if a == b:
        return a
    rank = max(len(a), len(b))
    result: list[int] = []
    for x, y in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if x == y or y == 1:
            result.append(x)
        elif x == 1 or x == DYNAMIC_INDEX:
            result.append(y)
        elif y == DYNAMIC_INDEX:
            result.append(x)
        else:
            raise GraphError(f"shapes {format_shape(a)} and {format_shape(b)} do not broadcast")
    return tuple(result)


def compatible_shapes(a: Sequence[int], b: Sequence[int]) -> bool:
    """Tells whether two shapes can be equal at run time: equal rank, and each extent equal or `?`."""
    return len(a) == len(b) and all(x == y or DYNAMIC_INDEX in (x, y) for x, y in zip(a, b, strict=True))


def compatible_types(a: Attribute, b: Attribute) -> bool:
    """Tells whether two types can be equal at run time: equal but for extents that are `?` in one of them."""
    if a is b or a == b:
        return True
    match a, b:
        case TensorType(), TensorType():
            return a.element_type == b.element_type and compatible_shapes(shape_of_type(a), shape_of_type(b))
        case (SlicesType(), SlicesType()) | (StackType(), StackType()) | (VariableType(), VariableType()):
            return all(compatible_types(x, y) for x, y in zip(a.parameters, b.parameters, strict=True))
        case _:
            return False


def format_shape(shape: Sequence[int]) -> str:
    """Formats a shape for messages: `(?, 3)`."""
    return "(" + ", ".join("?" if n == DYNAMIC_INDEX else str(n) for n in shape) + ")"


@irdl_attr_definition
class SlicesType(ParametrizedAttribute, TypeAttribute):
    """TensorFlow's `IndexedSlices` as one value: rows `values[k]` that belong at `indices[k]` of a tensor.

    An index may occur more than once; its rows add up. Shapes: values (n, *row), indices (n,), data (rows, *row).
    """

    name = "graph.slices"
    values_type: TensorType[Attribute]
    indices_type: TensorType[Attribute]
    data_type: TensorType[Attribute]

    def verify(self) -> None:
        values, indices, data = (shape_of_type(t) for t in self.parameters)
        if len(indices) != 1 or not is_integer(self.indices_type.element_type):
            raise GraphError(f"slices_c1: indices must be integers of rank 1, got {self.indices_type}")
        if self.values_type.element_type != self.data_type.element_type:
            raise GraphError(
                f"slices_c2: values {self.values_type} and data {self.data_type} differ in dtype"
            )
        if not values or not data or not compatible_shapes(values, (*indices, *data[1:])):
            raise GraphError(f"slices_c3: values {self.values_type} are not rows of {self.data_type}")


@irdl_attr_definition
class VariableType(ParametrizedAttribute, TypeAttribute):
    """A reference to a variable: state of a fixed tensor type that outlives a step."""

    name = "graph.ref"
    data_type: TensorType[Attribute]


@irdl_attr_definition
class StackType(ParametrizedAttribute, TypeAttribute):
    """A last-in first-out list of values of one type: what a loop keeps for its gradient."""

    name = "graph.stack"
    data_type: Attribute
