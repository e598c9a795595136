"""Wrappers that make NumPy meanings (oracles) of functions that NumPy lacks, or has for some dtypes only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from pullback.dialects.graph.op.graph_op import Array

Function: TypeAlias = Callable[..., Any]


def in_double(function: Function) -> Function:
    """Wraps a function so that it computes in f64, and rounds to the dtype of its operands."""

    def computed(*operands: Array) -> Any:
        return np.asarray(function(*(x.astype(np.float64) for x in operands))).astype(operands[0].dtype)

    return computed


def by_element(function: Callable[[float], float]) -> Function:
    """Applies a function of Python's numbers to each element, in f64."""
    applied: Any = np.frompyfunc(function, 1, 1)

    def on_array(x: Array) -> Array:
        return np.asarray(applied(x), np.float64)

    return in_double(on_array)


def rounding(function: Function) -> Function:
    """Wraps a rounding function so that it returns integers unchanged."""

    def rounded(x: Array) -> Any:
        return x if x.dtype.kind in "iu" else function(x)

    return rounded
