"""Stable orders, of every dtype, with equal elements, zeros of both signs and NaN, against NumPy's stable sort."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from pullback.dialects.graph.along_axes.stable_order import BLOCK, stable_order

Array = npt.NDArray[Any]
FLOATS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.bool_)
SHAPES = ((0,), (3, 0), (0, 5), (1,), (17,), (5, 33), (1, 2, 257), (3, BLOCK // 2 + 1), (40, 1009))


def elements(shape: tuple[int, ...], dtype: Any, scale: float) -> Array:
    random = np.random.default_rng(len(shape))
    x = (random.standard_normal(shape) * scale).astype(dtype).reshape(-1)
    if dtype in FLOATS and x.size:
        for value in (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0):
            x[random.integers(0, x.size, max(1, x.size // 16))] = value
    return x.reshape(shape)


def expected(x: Array, descending: bool) -> Array:
    if x.dtype == ml_dtypes.bfloat16:  # NumPy does not know that its NaN is larger than all numbers
        x = x.astype(np.float32)
    if not descending:
        return np.argsort(x, axis=-1, kind="stable")
    return x.shape[-1] - 1 - np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1]


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("scale", [2.0, 60.0])
def test_equal_elements_keep_their_order(dtype: Any, descending: bool, scale: float) -> None:
    for shape in SHAPES:
        x = elements(shape, dtype, scale)
        for each in (x, x[..., ::-1], x[..., ::2]):
            order = expected(each, descending)
            np.testing.assert_array_equal(stable_order(each, descending), order)
            for count in {0, 1, 3, each.shape[-1]} - {*range(each.shape[-1] + 1, 4)}:
                first = stable_order(each, descending, count)
                assert first.dtype == np.int64
                np.testing.assert_array_equal(first, order[..., :count])


def test_elements_of_64_bits_without_equal_ones() -> None:
    x = np.random.default_rng(0).permutation(1000).reshape(10, 100)
    for each in (x, x.astype(np.float64)):
        for descending in (False, True):
            np.testing.assert_array_equal(stable_order(each, descending), expected(each, descending))
