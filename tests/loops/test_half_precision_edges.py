"""Rows of f16 and bf16 that end within a vector: masked accesses of one more element than a register holds.

LLVM aborted the process at 33 columns of bf16 beside a bias, where the machine has AVX512-BF16.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import pullback as pb

DTYPES = {"f16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16)}


@pytest.mark.parametrize("columns", [1, 15, 17, 31, 33, 34, 47, 63, 65, 97])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_dense_layer_of_any_width(dtype: str, columns: int) -> None:
    rng = np.random.default_rng(columns)
    shapes = ((2, 5), (5, columns), (columns,))
    arrays = [rng.integers(-2, 3, shape).astype(DTYPES[dtype]) for shape in shapes]
    with pb.Graph():
        x, w, b = (pb.placeholder(dtype, shape) for shape in shapes)
        y = x @ w + b
        step = pb.compile([x, w, b], [y, *pb.gradients(y * y, [w, b])], target="cpu")
    got = [np.asarray(value, np.float64) for value in step(*arrays)]
    images, weights, bias = (array.astype(np.float64) for array in arrays)
    expected = images @ weights + bias
    np.testing.assert_array_equal(got[0], expected)
    np.testing.assert_array_equal(got[2], np.sum(2 * expected, 0))
    np.testing.assert_array_equal(got[1], images.T @ (2 * expected))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_line_that_ends_within_a_vector_is_reduced(dtype: str) -> None:
    """What is not there is a constant where a line is compared with zero."""
    for extent in (3, 17, 33):
        line = (np.arange(extent) % 3 + 1).astype(DTYPES[dtype])
        with pb.Graph():
            x = pb.placeholder(dtype, (extent,))
            found = [pb.all(pb.cast(x, "i1")), pb.any(pb.cast(x, "i1")), pb.max(x), pb.min(x), pb.sum(x)]
            step = pb.compile([x], found, target="cpu")
        got = [float(value) for value in step(line)]
        exact = line.astype(np.float64)
        assert got == [True, True, exact.max(), exact.min(), exact.sum()]
