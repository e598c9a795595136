"""Checks dtypes of arguments, where a function can say more than its operation."""

from __future__ import annotations

from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.op.families import DTYPE_CLASSES, Accepts, is_float, is_inexact
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, element_type_from


def of_dtype(value: Tensor, accepts: Accepts, what: str) -> Tensor:
    """`value`, if its dtype is one of a set; a `ValueError` that is also a `TypeError` otherwise."""
    if accepts(value.element_type):
        return value
    hint = ': cast it first, as in cast(x, "f32")' if accepts in (is_float, is_inexact) else ""
    raise ArgumentTypeError(f"{what}: needs {DTYPE_CLASSES[accepts]}, got {value.dtype}{hint}")


def in_dtype(value: Tensor, dtype: object) -> Tensor:
    """`value` in the dtype in which its elements are to be combined; in its own where none is given."""
    return value if dtype is None else Cast.to(value, element_type_from(dtype))
