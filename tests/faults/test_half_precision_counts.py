"""Numbers of elements were rounded to f16 and bf16 before they were used: 65,536 was refused, inf or another number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import pullback as pb

SHAPE = (16, 64, 64, 2)
"""65,536 elements in each channel."""
DTYPES = {"f16": (np.dtype(np.float16), 2.0**-11), "bf16": (np.dtype(ml_dtypes.bfloat16), 2.0**-8)}

AVERAGES: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: pb.mean(x, (0, 1, 2)),
    "var": lambda x: pb.var(x, (0, 1, 2)),
    "var-1": lambda x: pb.var(x, (0, 1, 2), correction=1),
    "std": lambda x: pb.std(x, (0, 1, 2)),
    "moments": lambda x: pb.moments(x, (0, 1, 2))[1],
    "batch_norm": lambda x: pb.batch_norm(x)[0],
    "batch_norm-mean": lambda x: pb.batch_norm(x)[1],
    "batch_norm-variance": lambda x: pb.batch_norm(x)[2],
    "fused_batch_norm": lambda x: pb.fused_batch_norm(x, pb.ones_like(x[0, 0, 0]), pb.zeros_like(x[0, 0, 0]))[
        2
    ],
    "layer_norm": lambda x: pb.layer_norm(x, axis=(1, 2)),
    "rms_norm": lambda x: pb.rms_norm(x, axis=(1, 2)),
    "group_norm": lambda x: pb.group_norm(x, 1),
    "clip_by_average_norm": lambda x: pb.clip_by_average_norm(x, 1e-3),
}


@pytest.mark.parametrize("is_open", [False, True], ids=["static", "open"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", AVERAGES)
def test_averages_of_many(name: str, dtype: str, is_open: bool) -> None:
    rng = np.random.default_rng(0)
    data, seed = rng.integers(32, 97, SHAPE) / 64, rng.integers(32, 97, SHAPE) / 64
    kind, rounding = DTYPES[dtype]
    results: list[list[np.ndarray]] = []
    for precision, numpy_dtype in ((dtype, kind), ("f64", np.dtype(np.float64))):
        with pb.Graph():
            x = pb.placeholder(precision, (None, *SHAPE[1:]) if is_open else SHAPE)
            y = AVERAGES[name](x)
            start = seed if y.ndim == 4 else seed[0, 0, 0]
            # The gradient of a mean of so many is below what f16 holds: it starts from a larger number.
            (dx,) = pb.gradients(y, [x], grad_ys=(start * 256).astype(numpy_dtype))
            values = pb.run([y, dx], {x: data.astype(numpy_dtype)})
        results.append([v.astype(np.float64) for v in values])
    for got, want in zip(*results, strict=True):
        scale = np.max(np.abs(want))
        np.testing.assert_allclose(got, want, rtol=8 * rounding, atol=8 * rounding * scale)
        assert np.any(want)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ties_of_many(dtype: str) -> None:
    """Each of n largest elements gets 1/n of the gradient, which no dtype needs to count to n for."""
    kind, rounding = DTYPES[dtype]
    count = 70_000
    with pb.Graph():
        x = pb.placeholder(dtype, (count,))
        (dx,) = pb.gradients(pb.max(x), [x], grad_ys=np.asarray(32768, kind))
        found = pb.run(dx, {x: np.ones(count, kind)}).astype(np.float64)
    np.testing.assert_allclose(found, 32768 / count, rtol=2 * rounding)


@pytest.mark.parametrize("dtype", DTYPES)
def test_means_of_long_segments(dtype: str) -> None:
    kind, _ = DTYPES[dtype]
    with pb.Graph():
        rows = pb.constant(np.ones((70_000, 1), kind))
        found = pb.run(pb.segment_mean(rows, np.zeros(70_000, np.int32), 2)).astype(np.float64)
    assert found.tolist() == [[1], [0]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_counts_of_what_is_not_zero(dtype: str) -> None:
    kind, rounding = DTYPES[dtype]
    with pb.Graph():
        found = pb.run(pb.vector_norm(pb.constant(np.ones(60_001, kind)), ord=0))
    assert abs(float(found) - 60_001) <= rounding * 60_001
