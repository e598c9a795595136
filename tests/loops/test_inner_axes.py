"""Reductions over axes between others: what is beside them in memory is the lanes of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb

Array = npt.NDArray[Any]
SHAPES = [
    ((5, 3, 17), (1,)),
    ((2, 7, 3, 64), (1, 2)),
    ((3, 4, 5, 6), (2,)),
    ((3, 4, 5, 6), (0, 2)),
    ((4, 0, 9), (1,)),
    ((4, 9, 0), (1,)),
    ((1, 13, 1, 33), (1,)),
    ((7, 1009, 2), (1,)),
]


def softmax(x: Array, axes: tuple[int, ...]) -> Array:
    e = np.exp(x - x.max(axes, keepdims=True, initial=-np.inf))
    return e / e.sum(axes, keepdims=True)


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_gradients(shape: tuple[int, ...], axes: tuple[int, ...], dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    with pb.Graph():
        given = pb.placeholder(dtype, shape)
        exponentials = pb.exp(given)
        total = pb.sum(exponentials, axes)
        outputs = [
            total,
            pb.mean(given * given, axes, keepdims=True),
            exponentials - pb.sum(given, axes, keepdims=True),
        ]
        outputs += pb.gradients(pb.sum(pb.square(total)), [given])
        outputs += [pb.softmax(given, axes[0])] if len(axes) == 1 else []
        step = pb.compile([given], outputs, target="cpu")
    found = [
        [np.asarray(y).copy() for y in step(x)] for threads in (1, 2, 5) if not pb.set_num_threads(threads)
    ]
    pb.set_num_threads(None)
    e = np.exp(x.astype(np.float64))
    sums = e.sum(axes, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (
            np.mean(np.square(x.astype(np.float64)), axes, keepdims=True)
            if x.shape[axes[0]]
            else np.full(sums.shape, np.nan)
        )
    expected = [sums.squeeze(axes), squares, e - x.astype(np.float64).sum(axes, keepdims=True), 2 * sums * e]
    expected += [softmax(x.astype(np.float64), axes)] if len(axes) == 1 else []
    for value, wanted in zip(found[0], expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=2e-4 if dtype == "float32" else 1e-11, atol=5e-5)
    for others in found[1:]:
        assert [y.tobytes() for y in others] == [y.tobytes() for y in found[0]]


@pytest.mark.parametrize("axes", [(1,), (1, 2)])
def test_neighbours_are_lanes(axes: tuple[int, ...]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (8, 9, 10, 64))
        step = pb.compile([x], [pb.max(x, axes)], target="cpu")
    assert "kind = columns" in step.ir("kernels")


def test_a_transpose_before_a_reduction_is_left_out() -> None:
    x = np.random.default_rng(0).standard_normal((4, 5, 6)).astype(np.float32)
    with pb.Graph():
        given = pb.placeholder("f32", x.shape)
        turned = pb.transpose(given, (2, 0, 1))
        outputs = [
            pb.sum(turned, 1),
            pb.max(pb.transpose(given, (1, 2, 0)), 0),
            pb.sum(pb.transpose(given, (2, 1, 0)), 2, keepdims=True),
        ]
        step = pb.compile([given], outputs, target="cpu")
    expected = [
        x.transpose(2, 0, 1).sum(1),
        x.transpose(1, 2, 0).max(0),
        x.transpose(2, 1, 0).sum(2, keepdims=True),
    ]
    for value, wanted in zip(step(x), expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)
    text = step.ir("kernels")
    assert not any(f"tensor<{shape}xf32>" in text for shape in ("6x4x5", "5x6x4", "6x5x4"))


def test_sums_of_products_over_an_inner_axis_are_no_matrix_products() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 6, 5, 7)).astype(np.float32)
    with pb.Graph():
        inputs = [pb.placeholder("f32", a.shape), pb.placeholder("f32", b.shape)]
        y = pb.einsum("bij,bij->bj", *inputs)
        step = pb.compile(inputs, [y, *pb.gradients(pb.sum(y), inputs)], target="cpu")
    for value, wanted in zip(step(a, b), [(a * b).sum(1), b, a], strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-5)
    assert "graph.matmul" not in step.ir("kernels")
    assert "permutation = array<i64: 0, 2, 1>" not in step.ir("kernels")
