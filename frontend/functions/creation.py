"""Functions that create tensors, from data and from shapes, and placeholders for the arguments of a step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.tensor.arrays import array_of, is_array
from pullback.dialects.graph.tensor.tensor import Number, Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import (
    MAX_RANK,
    ArgumentTypeError,
    GraphError,
    element_type_from,
    tensor_type,
)
from pullback.frontend.graph.emit import named_as
from pullback.frontend.graph.graph import current_graph
from pullback.frontend.operands.axes import is_whole_number
from pullback.frontend.operands.checked_dtypes import in_dtype
from pullback.frontend.operands.convert import as_array, as_tensor, default_dtype
from pullback.frontend.operands.shape_like import ShapeLike, static_extents

__all__ = [
    "asarray",
    "constant",
    "empty",
    "empty_like",
    "fill",
    "full",
    "full_like",
    "ones",
    "ones_like",
    "placeholder",
    "zeros",
    "zeros_like",
]


def placeholder(dtype: object, shape: Sequence[int | None], name: str = "placeholder") -> Tensor:
    """A value that is given when a step is called.

    Args:
        dtype: such as `"f32"` or `np.float32`.
        shape: the extents, `None` for those known only at the call; at most eight.
        name: made unique in the graph.

    Raises:
        ValueError: for an unknown dtype, a negative extent or too many of them.
    """
    if not isinstance(shape, list | tuple) or len(shape) > MAX_RANK or not all(map(_is_extent, shape)):
        raise GraphError(
            f"placeholder '{name}': expected up to {MAX_RANK} extents, each a whole number from 0 on or None, "
            f"got {shape!r}"
        )
    extents = [DYNAMIC_INDEX if n is None else int(n) for n in shape]
    type_ = tensor_type(element_type_from(dtype), extents)
    graph = current_graph()
    graph.names.check(name)
    return Tensor(graph.add_placeholder(type_, name))


def _is_extent(n: object) -> bool:
    return n is None or (is_whole_number(n) and n >= 0)


def constant(value: npt.ArrayLike, dtype: object = None, name: str | None = None) -> Tensor:
    """The array as a tensor. Python floats become f32 and integers i32, arrays and NumPy's scalars keep their dtype.

    Raises:
        ValueError: for what is no array of numbers, or says more than one holds (masks, units, dates, names of
            fields), and for numbers that the dtype cannot hold.
    """
    array = as_array(value, "constant: value", dtype)
    return named_as(name, lambda: Constant.from_array(array))


def asarray(x: Operand, dtype: object = None, name: str | None = None) -> Tensor:
    """Converts to a tensor, in another dtype if one is given. A tensor of that dtype is returned as it is.

    Numbers and lists get f32 or i32, as in `constant`; unlike that, lists may hold tensors. Those are converted by
    `cast`; data has to fit the dtype.
    """
    if is_array(x):
        return constant(x, dtype, name)  # pyright: ignore[reportArgumentType]
    value = as_tensor(x, "asarray", None if isinstance(x, Operators) else dtype)
    return named_as(name, lambda: in_dtype(value, dtype))


def full(shape: ShapeLike, fill_value: Number, dtype: object = None, name: str | None = None) -> Tensor:
    """A tensor with one value everywhere. `shape` may hold, or be, tensors of integers.

    Raises:
        ValueError: for a value that the dtype cannot hold, or for a shape with a negative extent.
    """
    return _filled("full", shape, fill_value, "fill_value", dtype, name)


def _filled(
    what: str, shape: ShapeLike, value: Number, argument: str, dtype: object, name: str | None
) -> Tensor:
    number = checked_number(value, f"{what}: {argument}")
    extents, operand = static_extents(shape, what)
    if dtype is None:
        dtype = value.dtype if isinstance(value, np.generic) else default_dtype(number)
    type_ = tensor_type(element_type_from(dtype), extents)
    return named_as(name, lambda: Fill.full(number, type_, operand.value if operand is not None else None))


def checked_number(value: object, what: str) -> Number:
    """A number of Python, also where NumPy's is given; `ValueError` for anything else."""
    number = array_of(value, what).item() if isinstance(value, np.generic) else value
    if not isinstance(number, Number):
        raise ArgumentTypeError(f"{what}: expected a number, got {value!r}")
    try:
        complex(number)
    except OverflowError:
        raise GraphError(f"{what}: the integer is too large for every dtype") from None
    return number


def fill(shape: ShapeLike, value: Number, dtype: object = None, name: str | None = None) -> Tensor:
    """TensorFlow's name for `full`."""
    return _filled("fill", shape, value, "value", dtype, name)


def zeros(shape: ShapeLike, dtype: object = "f32", name: str | None = None) -> Tensor:
    """A tensor of zeros."""
    return _filled("zeros", shape, 0, "value", dtype, name)


def ones(shape: ShapeLike, dtype: object = "f32", name: str | None = None) -> Tensor:
    """A tensor of ones."""
    return _filled("ones", shape, 1, "value", dtype, name)


def full_like(x: Operand, fill_value: Number, dtype: object = None, name: str | None = None) -> Tensor:
    """A tensor of the shape (and dtype, unless one is given) of `x` with one value everywhere."""
    number, like = checked_number(fill_value, "full_like: fill_value"), as_tensor(x, "full_like")
    element_type = like.element_type if dtype is None else element_type_from(dtype)
    shape = dynamic_shape(like)
    type_ = tensor_type(element_type, like.extents)
    return named_as(name, lambda: Fill.full(number, type_, shape[0] if shape else None))


def zeros_like(x: Operand, dtype: object = None, name: str | None = None) -> Tensor:
    """Zeros of the shape of `x`."""
    return full_like(x, 0, dtype, name)


def ones_like(x: Operand, dtype: object = None, name: str | None = None) -> Tensor:
    """Ones of the shape of `x`."""
    return full_like(x, 1, dtype, name)


def empty(shape: ShapeLike, dtype: object = "f32", name: str | None = None) -> Tensor:
    """A tensor whose elements do not matter; here they are zeros."""
    return _filled("empty", shape, 0, "value", dtype, name)


def empty_like(x: Operand, dtype: object = None, name: str | None = None) -> Tensor:
    """A tensor of the shape of `x` whose elements do not matter; here they are zeros."""
    return full_like(x, 0, dtype, name)
