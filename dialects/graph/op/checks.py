"""Verification of constraints that op families share; each check raises `GraphError` with the constraint's label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.tensor.types import (
    MAX_RANK,
    GraphError,
    compatible_types,
    element_type_of,
    format_shape,
    is_integer,
    is_static,
    shape_of_type,
    tensor_type,
)


def check_results(op: Operation, expected: Sequence[Attribute]) -> None:
    """Checks that result types are the inferred ones, up to extents that are `?` on one side."""
    actual = op.result_types
    if len(actual) != len(expected):
        raise GraphError(f"{op.name}: results_c1: {len(actual)} results where {len(expected)} are implied")
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        if a is not e and not compatible_types(a, e):
            raise GraphError(f"{op.name}: results_c2: result {i} has type {a}, its operands imply {e}")


def check_tensor(op: str, type_: Attribute, what: str) -> None:
    """Checks that this is a tensor of at most `MAX_RANK` dims."""
    if len(shape_of_type(type_)) > MAX_RANK:
        raise GraphError(f"{op}: rank_c1: {what} has rank above {MAX_RANK}: {type_}")


def check_operand_dtypes(op: str, *types: Attribute) -> None:
    """Checks that operands have one dtype."""
    if any(element_type_of(t) != element_type_of(types[0]) for t in types):
        listed = " and ".join(map(str, types))
        raise GraphError(f"{op}: dtype_c2: operands must have one dtype, got {listed}; cast one of them")


def check_same_ranks(op: str, operands: Sequence[Attribute]) -> None:
    """Checks that operands have one rank."""
    if len({len(shape_of_type(t)) for t in operands}) > 1:
        listed = ", ".join(map(str, operands))
        raise GraphError(f"{op}: rank_c7: operands must have one rank, got {listed}")


def check_same_dtype(op: str, one: Attribute, other: Attribute) -> None:
    """Checks that an operand has the dtype of the result, or of the tensor that it is put into."""
    if element_type_of(one) != element_type_of(other):
        raise GraphError(f"{op}: dtype_c2: dtypes differ: {one} and {other}")


def check_indices(op: str, indices: Attribute) -> None:
    """Checks that indices are integers."""
    if not is_integer(element_type_of(indices)):
        raise GraphError(f"{op}: dtype_c4: indices must be integers, got {indices}")


def check_axis(op: str, properties: Mapping[str, Attribute], shape: Sequence[int]) -> int:
    """Checks that the property `axis` is an axis of this shape, and returns it."""
    axis = properties["axis"]
    assert isinstance(axis, IntegerAttr)
    if not 0 <= axis.value.data < len(shape):
        raise GraphError(f"{op}: axis_c1: axis {axis.value.data} does not exist in {format_shape(shape)}")
    return axis.value.data


def check_axes(op: str, axes: Sequence[int], type_: Attribute, new: int = 0) -> None:
    """Checks that axes are ascending and distinct, of a tensor of this type or of one with `new` more dims."""
    rank = len(shape_of_type(type_)) + new
    if list(axes) != sorted(set(axes)) or any(not 0 <= a < rank for a in axes):
        raise GraphError(
            f"{op}: axes_c1: axes must be distinct, ascending and in 0..{rank - 1} for {type_}, got {list(axes)}"
        )


def check_shape_operand(op: Operation, shape: Sequence[SSAValue], result: Attribute) -> None:
    """Checks that a result with a `?` has a shape operand, of as many extents as it has dims."""
    if not shape:
        if not is_static(result):
            raise GraphError(
                f"{op.name}: shape_c1: the result {result} has a `?`, so a shape operand is needed"
            )
        return
    expected = tensor_type(i64, (len(shape_of_type(result)),))
    if not compatible_types(shape[0].type, expected):
        raise GraphError(
            f"{op.name}: shape_c2: the shape operand must be {expected} for {result}, got {shape[0].type}"
        )
