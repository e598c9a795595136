"""Indices of dtypes that do not have the extent which they index: all that they can name is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

EXTENT = 300
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "gather": pb.gather,
    "gather, last axis": lambda x, i: pb.gather(pb.transpose(x, (1, 0)), i, axis=1),
    "take_along_axis": lambda x, i: pb.take_along_axis(x, pb.broadcast_to(i[:, None], (5, 3)), 0),
    "gather_nd": lambda x, i: pb.gather_nd(x, i[:, None]),
    "scatter_nd": lambda x, i: pb.scatter_nd(i[:, None], x[:5], (EXTENT, 3)),
    "segments": lambda x, i: pb.unsorted_segment_sum(x[:5], i, EXTENT),
    "one_hot": lambda x, i: pb.cast(pb.one_hot(i, EXTENT), "f64") @ x,
}


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_values_and_gradients(name: str, dtype: str, target: str) -> None:
    random = np.random.default_rng(0)
    x, indices = random.standard_normal((EXTENT, 3)), random.integers(0, 100, 5)

    def found(dtype: str, target: str) -> list[Any]:
        with pb.Graph():
            given, at = pb.placeholder("f64", x.shape), pb.placeholder(dtype, (5,))
            y = OPERATIONS[name](given, at)
            gradients = [pb.identity(g) for g in pb.gradients(pb.sum(y * y), [given])]
            return pb.compile([given, at], [y, *gradients], target=target)(x, indices.astype(dtype))

    for value, expected in zip(found(dtype, target), found("int64", "numpy"), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12)
