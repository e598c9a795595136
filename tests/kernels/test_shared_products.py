"""Gradients of a scale and an offset before a product, from the product that makes the gradient of the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import pullback as pb

Loss = Callable[..., Any]
ROWS, COLUMNS, OUTPUTS = 24, 10, 17


def large_products(
    loss: Loss, shapes: Sequence[tuple[int, ...]], wrt: Sequence[int], dtype: str = "f32"
) -> int:
    """The kernels that multiply matrices of the loss and its gradients, which are as `numpy` computes them."""
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal(s) for s in shapes]
    with pb.Graph():
        given = [pb.placeholder(dtype, a.shape) for a in arrays]
        value = loss(*given)
        outputs = [value, *pb.gradients(value, [given[at] for at in wrt])]
        steps = [pb.compile(given, outputs, target=target) for target in ("numpy", "cpu")]
    typed = [a.astype(np.dtype({"f32": "f4", "f64": "f8", "f16": "f2"}[dtype])) for a in arrays]
    expected, found = (step(*typed) for step in steps)
    tolerance = {"f32": 1e-4, "f64": 1e-11, "f16": 3e-2}[dtype]
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * max(1, np.abs(a).max()))
    return steps[1].ir("kernels").count("kind = matmul")


def scaled(x: Any, w: Any, s: Any, o: Any) -> Any:
    y = (x * s + o) @ w
    return pb.sum(y * y)


SHAPES = [(ROWS, COLUMNS), (COLUMNS, OUTPUTS), (COLUMNS,), (COLUMNS,)]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_one_product_makes_three_gradients(dtype: str) -> None:
    assert large_products(scaled, SHAPES, [1, 2, 3], dtype) == 2


@pytest.mark.parametrize("wrt", [[1, 2], [1, 2, 3]])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_rows_of_a_layer_norm_in_a_batch(batch: tuple[int, ...], wrt: list[int]) -> None:
    def loss(x: Any, w: Any, s: Any, o: Any) -> Any:
        y = pb.layer_norm(x, s, o) @ w
        return pb.sum(y * y)

    assert large_products(loss, [(*batch, ROWS, COLUMNS), *SHAPES[1:]], wrt) == 2


def test_weights_that_are_transposed() -> None:
    def loss(x: Any, w: Any, s: Any, o: Any) -> Any:
        y = pb.matmul(o + s * x, w, transpose_b=True)
        return pb.sum(y * y)

    assert large_products(loss, [SHAPES[0], (OUTPUTS, COLUMNS), *SHAPES[2:]], [1, 2, 3]) == 2


def test_a_scale_alone() -> None:
    def loss(x: Any, w: Any, s: Any, o: Any) -> Any:
        y = (x * s) @ w + pb.sum(o)
        return pb.sum(y * y)

    assert large_products(loss, SHAPES, [1, 2]) == 2


@pytest.mark.parametrize(
    "wrt", [[0, 1, 2, 3], [2, 3], [0, 2]], ids=["gradient of x", "none of weights", "neither"]
)
def test_products_that_are_needed_stay(wrt: list[int]) -> None:
    assert large_products(scaled, SHAPES, wrt) == 2 + (1 in wrt)


def test_products_of_others_stay() -> None:
    """Few rows, sums of narrow floats, and a scale of each row."""
    assert large_products(scaled, [(4, COLUMNS), *SHAPES[1:]], [1, 2, 3]) == 3
    assert large_products(scaled, SHAPES, [1, 2, 3], "f16") == 3

    def by_rows(x: Any, w: Any, s: Any, o: Any) -> Any:
        y = (x * s + o) @ w
        return pb.sum(y * y)

    assert large_products(by_rows, [*SHAPES[:2], (ROWS, 1), (COLUMNS,)], [1, 2, 3]) == 3


def test_scales_of_zero_have_a_gradient() -> None:
    """Nothing is divided by the scale."""

    def loss(x: Any, w: Any, s: Any, o: Any) -> Any:
        return scaled(x, w, s * 0, o)

    assert large_products(loss, SHAPES, [1, 3]) == 2

    def of_zero(x: Any, w: Any, s: Any, o: Any) -> Any:
        return scaled(x, w, s - pb.stop_gradient(s), o)

    assert large_products(of_zero, SHAPES, [1, 2, 3]) == 2
