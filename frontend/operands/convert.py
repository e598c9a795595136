"""Converts what users pass to tensors: variables, slices, arrays, numbers, nested lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.arrays import Array, array_of, beside, is_array, is_number, refuse
from pullback.dialects.graph.tensor.tensor import Number, Operators, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, element_type_from, numpy_dtype


def as_tensor(value: object, what: str = "the argument", dtype: object = None) -> Tensor:
    """`value` as a tensor.

    Args:
        value: a tensor, a variable (which is read), slices (which become dense), an array, a number, or a
            list of these (which are stacked along a new first axis).
        what: names the argument in errors.
        dtype: of constants made from numbers and lists, and from NumPy's scalars of the same kind. Unless given,
            Python floats become f32, integers i32, and NumPy's scalars keep theirs, as arrays do.

    Raises:
        ValueError: for anything else. It is a `TypeError` too.
    """
    if isinstance(value, Operators):
        return value.as_tensor()
    if isinstance(value, list | tuple) and _holds_tensor(cast("Sequence[object]", value)):
        return _stacked(cast("Sequence[Any]", value), what, dtype)
    if dtype is not None:
        value = beside(value, numpy_dtype(element_type_from(dtype)), what)
    if is_number(value):
        return Fill.scalar(value, element_type_from(dtype if dtype is not None else default_dtype(value)))
    if isinstance(value, list | tuple | range) or is_array(value):
        return Constant.from_array(as_array(value, what, None if is_array(value) else dtype))
    if isinstance(value, str | bytes) or value is None or not hasattr(value, "__array__"):
        raise ArgumentTypeError(
            f"{what}: expected a tensor, a variable, an array or a number, got {type(value).__name__}"
        )
    refuse(value, what)


def default_dtype(value: Number) -> str:
    """The dtype that a Python number becomes."""
    if isinstance(value, complex):
        return "complex<f32>"
    return "i1" if isinstance(value, bool) else "i32" if isinstance(value, int) else "f32"


def _stacked(values: Sequence[Any], what: str, dtype: object) -> Tensor:
    """Stacks tensors, and data beside them, along a new first axis: numbers take the dtype of the last tensor."""
    if dtype is None:
        *_, last = _tensors_in(values)
        dtype = getattr(last, "dtype", None)
    parts = [as_tensor(v, f"{what}[{i}]", dtype) for i, v in enumerate(values)]
    rows = [ExpandDims.at(part, [0]) for part in parts]
    return Concat.of(*rows, axis=IntegerAttr(0, i64))


def as_array(value: object, what: str, dtype: object = None) -> Array:
    """Data as an array of a dtype that tensors have; an array of such a dtype is given as it is.

    Args:
        value: an array, a number, or a nested list of numbers.
        what: names the argument in errors.
        dtype: of the result; unless given, Python floats become f32, integers i32, and arrays keep theirs.

    Raises:
        ValueError: for anything else, and for numbers that the dtype cannot hold. It is a `TypeError` too.
    """
    return array_of(value, what, None if dtype is None else numpy_dtype(element_type_from(dtype)))


def _tensors_in(values: Sequence[object]) -> Iterator[Operators]:
    """The tensors in nested lists."""
    kinds = set(map(type, values))
    if not any(issubclass(kind, Operators | list | tuple) for kind in kinds):
        return
    for value in values:
        if isinstance(value, Operators):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors_in(cast("Sequence[object]", value))


def _holds_tensor(values: Sequence[object]) -> bool:
    return next(_tensors_in(values), None) is not None
