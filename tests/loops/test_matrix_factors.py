"""Determinants, cofactors and QR factors as loops: those of LAPACK, also where elements are very large or small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.determinants import Cofactors
from pullback.tests.loops.compiled_function import compiled

# ---- determinants and cofactors -------------------------------------------------------------------------------


def signs_and_logarithms(x: Any) -> Any:
    return tuple(pb.slogdet(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 3, 3), (2, 3, 4, 4), (5, 5), (9, 9), (2, 21, 21)])
def test_determinants(dtype: str, shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(11).standard_normal(shape).astype(dtype)
    signs, logarithms = np.linalg.slogdet(a.astype(np.float64))
    tolerance = 200 * float(np.finfo(dtype).eps)
    found = compiled(pb.det, a)(a)
    assert found.dtype == a.dtype and found.shape == shape[:-2]
    np.testing.assert_allclose(found, signs * np.exp(logarithms), rtol=tolerance)
    of_sign, of_logarithm = compiled(signs_and_logarithms, a)(a)
    np.testing.assert_array_equal(of_sign, signs)
    np.testing.assert_allclose(of_logarithm, logarithms, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("side", [1, 2, 4, 5, 9])
def test_determinants_of_singular_matrices_are_zero(side: int) -> None:
    a = np.zeros((2, side, side))
    a[1] = np.eye(side)
    np.testing.assert_array_equal(compiled(pb.det, a)(a), [0, 1])
    sign, logarithm = compiled(signs_and_logarithms, a)(a)
    np.testing.assert_array_equal(sign, [0, 1])
    np.testing.assert_array_equal(logarithm, [-np.inf, 0])


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_determinants_that_only_products_on_the_way_would_overflow(scale: float) -> None:
    diagonal = np.tile([scale, 1 / scale], 20)[np.argsort(np.arange(40) % 2, kind="stable")]
    a = np.diag(diagonal)
    np.testing.assert_allclose(compiled(pb.det, a)(a), 1, rtol=1e-10)


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 3, 3), (0, 7, 7)])
def test_determinants_of_nothing(shape: tuple[int, ...]) -> None:
    a = np.ones(shape)
    np.testing.assert_array_equal(compiled(pb.det, a)(a), np.linalg.det(a), strict=True)
    for found, expected in zip(compiled(signs_and_logarithms, a)(a), np.linalg.slogdet(a), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("side", [2, 3, 4])
def test_cofactors_of_small_matrices_are_those_of_the_host(dtype: str, side: int) -> None:
    rng = np.random.default_rng(12)
    a = rng.standard_normal((6, side, side)).astype(dtype)
    a[1, 0] = a[1, -1]
    a[2] = 0
    a[3] *= np.array(1e12, dtype) ** -np.arange(side, dtype=dtype)
    step = compiled(Cofactors.of, a)
    assert "call @main_cofactors" in step.ir("loops")
    found, expected = step(a), compiled(Cofactors.of, a, target="numpy")(a)
    scale = np.max(np.abs(expected), axis=(1, 2), keepdims=True)
    assert np.all(np.abs(found - expected) <= 30 * np.finfo(dtype).eps * scale)
    a[4, 0, 0] = np.nan
    np.testing.assert_allclose(
        step(a), compiled(Cofactors.of, a, target="numpy")(a), rtol=1e-4, atol=1e-4 * scale.max()
    )


# ---- QR factors -----------------------------------------------------------------------------------------------


def factors(x: Any) -> Any:
    return tuple(pb.qr(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 4), (4, 1), (2, 2), (3, 5, 7), (2, 7, 5), (33, 33), (2, 1, 40, 40), (20, 70), (70, 20)],
)
def test_qr_factors_are_those_of_lapack(dtype: str, shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(13).standard_normal(shape).astype(dtype)
    step = compiled(factors, a)
    (q, r), expected = step(a), np.linalg.qr(a)
    assert step.ir("loops").count("call @main_qr") == 1 and np.all(np.tril(r, -1) == 0)
    unit = 20 * max(shape[-2:]) * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(q @ r, a, atol=unit)
    np.testing.assert_allclose(
        q.swapaxes(-1, -2) @ q, np.eye(q.shape[-1]) + np.zeros_like(r @ r.swapaxes(-1, -2)), atol=unit
    )
    for found, other in zip((q, r), expected, strict=True):
        np.testing.assert_allclose(found, other, atol=100 * unit, strict=True)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_qr_of_columns_whose_squares_are_no_numbers(scale: float) -> None:
    a = np.random.default_rng(14).standard_normal((9, 9)).astype(np.float32)
    a[:, 2:4] *= np.float32(scale)
    found = compiled(factors, a)(a)
    for x, expected in zip(found, np.linalg.qr(a), strict=True):
        np.testing.assert_array_equal(x, expected)


def test_qr_of_triangles_zeros_and_nothing() -> None:
    triangle = np.triu(np.arange(1.0, 26).reshape(5, 5))
    for a in (triangle, -triangle, np.zeros((4, 3)), np.zeros((0, 3)), np.ones((3, 0)), np.ones((2, 0, 0))):
        for found, expected in zip(compiled(factors, a)(a), np.linalg.qr(a), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-15, strict=True)
