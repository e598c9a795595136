"""What a user may pass where a tensor is meant: tensors, variables, slices, arrays, numbers, nested lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.creation import Constant, Fill
from pullback.dialects.graph.pieces import Concat
from pullback.dialects.graph.shapes import ExpandDims
from pullback.dialects.graph.types import GraphError, element_type_from
from pullback.dialects.graph.value import Number, Operators, Tensor
from pullback.frontend.errors import ArgumentTypeError


def as_tensor(value: object, what: str = "the argument", dtype: object = None) -> Tensor:
    """`value` as a tensor.

    Args:
        value: a tensor, a variable (which is read), slices (which become dense), an array, a number, or a
            list of these (which are stacked along a new first axis).
        what: names the argument in errors.
        dtype: of constants made from numbers and lists; f32 and i32 unless given.

    Raises:
        ValueError: for anything else. It is a `TypeError` too.
    """
    if isinstance(value, Operators):
        return value.as_tensor()
    if isinstance(value, Number):
        return Fill.scalar(value, element_type_from(dtype if dtype is not None else default_dtype(value)))
    if isinstance(value, np.ndarray | np.generic):
        return Constant.from_array(value)
    if isinstance(value, list | tuple):
        return _stacked(cast("Sequence[Any]", value), what, dtype)
    raise ArgumentTypeError(
        f"{what}: expected a tensor, a variable, an array or a number, got {type(value).__name__}"
    )


def default_dtype(value: Number) -> str:
    """The dtype that a Python number becomes."""
    return "i1" if isinstance(value, bool) else "i32" if isinstance(value, int) else "f32"


def _stacked(values: Sequence[Any], what: str, dtype: object) -> Tensor:
    if not _holds_tensor(values):
        try:
            return Constant.from_array(values, dtype)
        except (GraphError, TypeError, ValueError) as error:
            raise ArgumentTypeError(f"{what}: expected a tensor, an array or a number: {error}") from None
    parts = [as_tensor(v, f"{what}[{i}]", dtype) for i, v in enumerate(values)]
    rows = [ExpandDims.at(part, [0]) for part in parts]
    return Concat.of(*rows, axis=IntegerAttr(0, i64))


def _holds_tensor(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_tensor, cast("Sequence[object]", value)))
    return isinstance(value, Operators)
