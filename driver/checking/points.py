"""Draws random values of a type: of both signs where the function allows it, and apart from each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType
from xdsl.ir import Attribute

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import (
    SlicesType,
    data_type_of,
    element_type_of,
    numpy_dtype,
    shape_of_type,
)

EXTENT = 3
"""The extent chosen for each `?`."""
BOTH_SIGNS = (-2.0, 2.0)
POSITIVE = (0.5, 2.0)
"""A range in which functions such as the logarithm are defined."""


def random_value(
    type_: Attribute, between: tuple[float, float], rng: np.random.Generator, extent: int = EXTENT
) -> Array:
    """Draws values in a range that are apart from each other, so that no two tie; integers and booleans are 0 to 2.

    Args:
        type_: of a tensor, of a variable or slices (their contents, made dense), or of memory, where bytes are 0 or 1:
            they may be truth values.
        between: the least and the largest of real numbers, and of the parts of complex ones.
        rng: the generator.
        extent: what each `?` becomes.
    """
    data = data_type_of(type_)
    is_memory = isinstance(data, MemRefType)
    extents = tuple(data.get_shape()) if is_memory else shape_of_type(data)
    shape = tuple(extent if n == DYNAMIC_INDEX else n for n in extents)
    dtype: np.dtype[Any] = dtype_of(data) if is_memory else numpy_dtype(element_type_of(data))
    if dtype.kind in "iub":
        return rng.integers(0, 2 if is_memory and dtype.itemsize == 1 else 3, shape).astype(dtype)
    if dtype.kind == "c":
        return (_apart(shape, between, rng) + 1j * _apart(shape, between, rng)).astype(dtype)
    return _apart(shape, between, rng).astype(dtype)


def random_argument(
    type_: Attribute, between: tuple[float, float], rng: np.random.Generator, extent: int = EXTENT
) -> Any:
    """Draws what a function takes for an argument of this type: an array, or a `SlicesValue`."""
    if not isinstance(type_, SlicesType):
        return random_value(type_, between, rng, extent)
    dense = tuple(extent if n == DYNAMIC_INDEX else n for n in shape_of_type(type_.data_type))
    values = random_value(type_.values_type, between, rng, extent)
    return SlicesValue(values, random_value(type_.indices_type, between, rng, extent), dense)


def _apart(shape: tuple[int, ...], between: tuple[float, float], rng: np.random.Generator) -> Array:
    count = int(np.prod(shape))
    low, high = between
    fractions = (rng.permutation(count) + rng.uniform(0.25, 0.75, count)) / max(count, 1)
    return (low + (high - low) * fractions).reshape(shape)
