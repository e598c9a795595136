"""Draws random inputs for a check: of both signs where the function allows it, and apart from each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Attribute

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.types import data_type_of, element_type_of, numpy_dtype, shape_of_type

EXTENT = 3
"""The extent chosen for each `?`."""
BOTH_SIGNS = (-2.0, 2.0)
POSITIVE = (0.5, 2.0)
"""A range in which functions such as the logarithm are defined."""


def random_value(type_: Attribute, between: tuple[float, float], rng: np.random.Generator) -> Array:
    """Draws values in a range that are apart from each other, so that no two tie; integers and booleans are 0 to 2."""
    data = data_type_of(type_)
    shape = tuple(EXTENT if n == DYNAMIC_INDEX else n for n in shape_of_type(data))
    dtype: np.dtype[Any] = numpy_dtype(element_type_of(data))
    if dtype.kind in "iub":
        return rng.integers(0, 3, shape).astype(dtype)
    if dtype.kind == "c":
        return (_apart(shape, between, rng) + 1j * _apart(shape, between, rng)).astype(dtype)
    return _apart(shape, between, rng).astype(dtype)


def _apart(shape: tuple[int, ...], between: tuple[float, float], rng: np.random.Generator) -> Array:
    count = int(np.prod(shape))
    low, high = between
    fractions = (rng.permutation(count) + rng.uniform(0.25, 0.75, count)) / max(count, 1)
    return (low + (high - low) * fractions).reshape(shape)
