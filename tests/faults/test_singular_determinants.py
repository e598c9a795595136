"""Gradients of determinants of singular matrices, which an inverse was asked for: they are cofactors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb


def gradients(matrix: Any, direction: Any, dtype: str, shape: tuple[int | None, ...]) -> list[Any]:
    """Of the determinant, and of the product of that gradient with a direction."""
    with pb.Graph():
        a, v = pb.placeholder(dtype, shape), pb.placeholder(dtype, shape)
        (first,) = pb.gradients(pb.det(a), [a])
        (second,) = pb.gradients(first, [a], grad_ys=[v])
        return pb.compile([a, v], [first, second], target="cpu")(matrix, direction)


def cofactors(a: Any) -> Any:
    """By minors, each a determinant."""
    found = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        found[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    return found


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64"])
@pytest.mark.parametrize("shape", [(2, 2), (None, None)])
def test_of_two_rows(dtype: str, shape: tuple[int | None, ...]) -> None:
    first, second = gradients([[1, 2], [2, 4]], [[1, 2], [3, 4]], dtype, shape)
    np.testing.assert_allclose(first, [[4, -2], [-2, 1]], rtol=1e-6 if dtype != "f16" else 1e-3)
    np.testing.assert_allclose(second, [[4, -3], [-2, 1]], rtol=1e-6 if dtype != "f16" else 1e-3)


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("rank", range(6))
def test_of_any_rank(rank: int, is_complex: bool, rng: np.random.Generator) -> None:
    left, right, v = rng.normal(size=(5, rank)), rng.normal(size=(rank, 5)), rng.normal(size=(5, 5))
    dtype = "complex<f64>" if is_complex else "f64"
    if is_complex:
        left, v = left + 1j * rng.normal(size=left.shape), v + 1j * rng.normal(size=v.shape)
    a = left @ right
    with pb.Graph():
        x, along = pb.placeholder(dtype, (5, 5)), pb.placeholder(dtype, (5, 5))
        start = pb.constant(np.ones((), np.complex128 if is_complex else np.float64))
        (first,) = pb.gradients(pb.det(x), [x], grad_ys=[start])
        (second,) = pb.gradients(first, [x], grad_ys=[along])
        got = pb.compile([x, along], [first, second], target="cpu")(a, v)
    np.testing.assert_allclose(got[0], np.conj(cofactors(a)), atol=1e-12)
    # Cofactors are of the fourth degree: this difference of five points is exact up to rounding.
    near = cofactors(a + v / 64) - cofactors(a - v / 64)
    far = cofactors(a + v / 32) - cofactors(a - v / 32)
    np.testing.assert_allclose(got[1], np.conj(8 * near - far) / (12 / 64), atol=1e-9)


def test_factors_that_no_product_holds() -> None:
    first, _ = gradients(np.diag([1e140, 1e140, 1e140, 1e-120]), np.eye(4), "f64", (4, 4))
    np.testing.assert_allclose(first, np.diag([1e160, 1e160, 1e160, np.finfo(np.float64).max]))


def test_third_order_of_a_regular_matrix_and_an_error_without_inverse() -> None:
    with pb.Graph():
        a = pb.placeholder("f64", (3, 3))
        y = pb.det(a)
        for i in range(3):
            (dy,) = pb.gradients(y, [a])
            y = dy[i, i]
        step = pb.compile([a], [y], target="cpu")
    np.testing.assert_allclose(step(np.diag([2.0, 3.0, 5.0]) + 0.25)[0], 1)
    with pytest.raises(Exception, match=r"[Ss]ingular"):
        step(np.zeros((3, 3)))
