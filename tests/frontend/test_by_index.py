"""Functions by index against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb


@pytest.mark.parametrize("axis", [-3, -1, 0, 1, 2])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_gather_along_an_axis(rng: np.random.Generator, axis: int, shape: tuple[int, ...]) -> None:
    x, at = rng.standard_normal((3, 4, 2)), rng.integers(0, 2, shape)
    with pb.Graph():
        value = pb.run(pb.gather(pb.constant(x), pb.constant(at), axis=axis))
    np.testing.assert_array_equal(value, np.take(x, at, axis=axis))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_sort(rng: np.random.Generator, axis: int, descending: bool) -> None:
    x = rng.integers(0, 4, (5, 3, 6)).astype(np.float64)
    with pb.Graph():
        value, order = pb.run([pb.sort(x, axis, descending), pb.argsort(x, axis, descending)])
    expected = np.argsort(-x if descending else x, axis=axis, kind="stable")
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_array_equal(value, np.take_along_axis(x, expected, axis))


def test_nan_is_the_largest() -> None:
    x = np.array([1, np.nan, 3, -np.inf])
    with pb.Graph():
        ascending, (values, indices) = pb.sort(x), pb.top_k(x, 2)
        results = pb.run([ascending, values, indices])
    np.testing.assert_array_equal(results[0], [-np.inf, 1, 3, np.nan])
    np.testing.assert_array_equal(results[1], [np.nan, 3])
    np.testing.assert_array_equal(results[2], [1, 2])


def test_ties_of_top_k_go_to_the_first() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        values, indices = pb.top_k(x, 1)
        (dx,) = pb.gradients(values, [x])
        got = pb.run([indices, dx], {x: [1, 2, 2, 0]})
    np.testing.assert_array_equal(got[0], [1])
    np.testing.assert_array_equal(got[1], [0, 1, 0, 0])


@pytest.mark.parametrize("extent", [(3,), (3, 2), (3, 0)])
def test_segments(rng: np.random.Generator, extent: tuple[int, ...]) -> None:
    ids = rng.integers(-1, 5, 7)
    x = rng.standard_normal((7, *extent[1:]))
    with pb.Graph():
        data = pb.placeholder("f64", (None, *[None for _ in extent[1:]]), name="data")
        results: Any = pb.run(
            [pb.segment_sum(data, pb.constant(ids), 4), pb.segment_mean(data, pb.constant(ids), 4)], {data: x}
        )
    rows = [x[ids == s] for s in range(4)]
    np.testing.assert_allclose(results[0], np.stack([r.sum(axis=0) for r in rows]))
    np.testing.assert_allclose(
        results[1], np.stack([r.mean(axis=0) if len(r) else np.zeros(extent[1:]) for r in rows])
    )


def test_scatter_nd_into_a_shape_of_run_time() -> None:
    with pb.Graph():
        like = pb.placeholder("f32", (None, None), name="like")
        made = pb.scatter_nd([[0, 1], [0, 1], [9, 9]], [1.0, 2.0, 3.0], pb.shape(like))
        value = pb.run(made, {like: np.zeros((2, 2), np.float32)})
    np.testing.assert_array_equal(value, [[0, 3], [0, 0]])
