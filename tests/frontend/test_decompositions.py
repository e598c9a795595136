"""Eigenvalues, orthonormal factors and singular values as users call them, against NumPy, and their identities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(5)
DTYPES = ["f16", "bf16", "f32", "f64", "complex<f32>", "complex<f64>"]
TOLERANCES = {"f16": 2e-2, "bf16": 2e-1, "f32": 1e-5, "complex<f32>": 1e-5}
WRONG: Any = pb


def drawn(dtype: str, *shape: int) -> Any:
    x = RNG.normal(size=shape)
    return x + 1j * RNG.normal(size=shape) if dtype.startswith("complex") else x


def run(function: Callable[[pb.Tensor], Any], x: Any, dtype: str, target: str) -> list[Any]:
    with pb.Graph():
        results = function(pb.cast(pb.constant(x), dtype))
        wide = "complex<f64>" if dtype.startswith("complex") else "f64"
        kinds = ["f64" if not t.dtype.startswith("complex") else wide for t in results]
        found = pb.run([pb.cast(t, k) for t, k in zip(results, kinds, strict=True)], target=target)
        assert {t.dtype.replace("complex<", "").rstrip(">") for t in results} == {
            dtype.replace("complex<", "").rstrip(">")
        }
    return found


def adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def assert_close(found: Any, expected: Any, dtype: str) -> None:
    tolerance = TOLERANCES.get(dtype, 1e-12)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# ---- identities ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (0, 0), (2, 4, 4), (0, 2, 2)], ids=str)
def test_eigh(dtype: str, shape: tuple[int, ...], target: str) -> None:
    x = drawn(dtype, *shape)
    x = x + adjoint(x)
    values, vectors = run(pb.eigh, np.tril(x), dtype, target)  # the upper triangle is not read
    assert_close(vectors * values[..., None, :] @ adjoint(vectors), x, dtype)
    assert_close(adjoint(vectors) @ vectors, np.broadcast_to(np.eye(shape[-1]), shape), dtype)
    assert np.all(np.diff(values) >= 0)
    assert_close(run(lambda t: [pb.eigvalsh(t)], x, dtype, target)[0], np.linalg.eigvalsh(x), dtype)


MATRICES = [(3, 3), (4, 2), (2, 4), (0, 3), (3, 0), (2, 1, 3), (0, 2, 3)]


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MATRICES, ids=str)
def test_qr(dtype: str, shape: tuple[int, ...], target: str) -> None:
    x = drawn(dtype, *shape)
    q, r = run(pb.qr, x, dtype, target)
    least = min(shape[-2:])
    assert q.shape == (*shape[:-1], least) and r.shape == (*shape[:-2], least, shape[-1])
    assert_close(q @ r, x, dtype)
    assert_close(adjoint(q) @ q, np.broadcast_to(np.eye(least), (*shape[:-2], least, least)), dtype)
    np.testing.assert_array_equal(r, np.triu(r))
    np.testing.assert_array_equal(np.imag(np.diagonal(r, axis1=-2, axis2=-1)), 0)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MATRICES, ids=str)
def test_svd(dtype: str, shape: tuple[int, ...], target: str) -> None:
    x = drawn(dtype, *shape)
    u, s, vh = run(pb.svd, x, dtype, target)
    assert_close(u * s[..., None, :] @ vh, x, dtype)
    identity = np.broadcast_to(np.eye(s.shape[-1]), (*s.shape, s.shape[-1]))
    assert_close(adjoint(u) @ u, identity, dtype)
    assert_close(vh @ adjoint(vh), identity, dtype)
    assert np.all(np.diff(s) <= 0) and np.all(s >= 0)
    assert_close(run(lambda t: [pb.svdvals(t)], x, dtype, target)[0], s, dtype)


@pytest.mark.parametrize("dtype", ["f32", "f64", "complex<f64>"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 3, 4)], ids=str)
def test_pinv_of_any_rank(dtype: str, shape: tuple[int, ...]) -> None:
    """The four equations of Penrose."""
    for rank in range(min(shape[-2:]) + 1):
        x = drawn(dtype, *shape[:-1], rank) @ drawn(dtype, *shape[:-2], rank, shape[-1])
        (found,) = run(lambda t: [pb.pinv(t, rtol=1e-5)], x, dtype, "numpy")
        for wanted, made in (
            *((x, x @ found @ x), (found, found @ x @ found)),
            *((x @ found, adjoint(x @ found)), (found @ x, adjoint(found @ x))),
        ):
            np.testing.assert_allclose(
                made, wanted, rtol=0, atol=(1e-3 if dtype == "f32" else 1e-9) * (1 + abs(wanted).max())
            )
        with pb.Graph():
            counts = pb.run(pb.matrix_rank(pb.constant(x), rtol=1e-5))
        np.testing.assert_array_equal(counts, np.full(shape[:-2], rank))


# ---- gradients that one may expect to be difficult -------------------------------------------------------------


def test_gradients_of_values_where_some_are_equal() -> None:
    with pb.Graph():
        x = pb.constant(np.eye(3))
        (of_eigenvalues,) = pb.gradients(pb.sum(pb.eigvalsh(x)), [x])
        (of_singular,) = pb.gradients(pb.sum(pb.svdvals(x)), [x])
        (of_singular_matrix,) = pb.gradients(pb.sum(pb.svdvals(pb.zeros_like(x) * x)), [x])
        (of_inverse,) = pb.gradients(pb.sum(pb.pinv(x)), [x])
        found = pb.run([of_eigenvalues, of_singular, of_singular_matrix, of_inverse])
    for gradient, expected in zip(
        found, [np.eye(3), np.eye(3), np.zeros((3, 3)), -np.ones((3, 3))], strict=True
    ):
        np.testing.assert_allclose(gradient, expected, atol=1e-14)


def test_functions_of_matrices_by_their_eigenvalues() -> None:
    """The gradient of the trace of exp(A) is exp(A); that of solutions by factors is that of `solve`."""
    a, b = drawn("f64", 3, 3), drawn("f64", 3, 2)
    a = a @ a.T + np.eye(3)
    with pb.Graph():
        x, y = pb.constant(a), pb.constant(b)
        values, vectors = pb.eigh((x + x.mT) / 2)
        exponential = vectors * pb.expand_dims(pb.exp(values), 0) @ vectors.mT
        (gradient,) = pb.gradients(pb.trace(exponential), [x])
        q, r = pb.qr(x)
        u, s, vh = pb.svd(x)
        by_qr = pb.triangular_solve(r, q.mT @ y, lower=False)
        by_svd = vh.mT @ ((u.mT @ y) / pb.expand_dims(s, 1))
        solutions = [by_qr, by_svd, pb.pinv(x) @ y, pb.solve(x, y)]
        gradients = [g for z in solutions for g in pb.gradients(pb.sum(pb.sin(z)), [x, y])]
        found = pb.run([gradient, exponential, *gradients])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10)
    for i in range(2, 8):
        np.testing.assert_allclose(found[i], found[8 + i % 2], rtol=1e-7, atol=1e-9)


def test_the_gradient_of_qr_needs_extents() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 3))
        with pytest.raises(
            ValueError, match=r"graph.qr: the gradient needs to know whether a matrix has more columns"
        ):
            pb.gradients(pb.qr(x).R, [x])


# ---- refusals --------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "eigh: no squares": ("graph.eigh: square_c1: matrices must be square", pb.eigh),
    "eigvalsh: integers": ("graph.eigh: dtype_c1", lambda x: pb.eigvalsh(pb.constant([[1, 2], [2, 1]]))),
    "qr: a mode": ("qr: mode: expected 'reduced', got 'complete'", lambda x: pb.qr(x, mode="complete")),
    "svd: full": ("svd: full_matrices: expected False, got True", lambda x: pb.svd(x, full_matrices=True)),
    "svdvals: a vector": ("graph.svd: rank_c6", lambda x: pb.svdvals(x[0])),
    "pinv: rtol": ("pinv: rtol: expected a number, got 'a'", lambda x: WRONG.pinv(x, rtol="a")),
    "pinv: NaN": (
        "pinv: rtol: expected a number that is not negative, got nan",
        lambda x: pb.pinv(x, np.nan),
    ),
    "matrix_rank: rtol": (
        "matrix_rank: rtol: expected a number that is not",
        lambda x: pb.matrix_rank(x, -1),
    ),
    "matrix_rank: extents": (
        "matrix_rank: rtol: expected a number, since extents are not known",
        lambda x: pb.matrix_rank(pb.placeholder("f32", (None, 3))),
    ),
    "matrix_rank: a vector": ("graph.svd: rank_c6", lambda x: pb.matrix_rank(x[0])),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str) -> None:
    message, call = REFUSED[case]
    with pb.Graph(), pytest.raises(ValueError, match=message):
        call(pb.placeholder("f32", (2, 3), name="x"))


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_nan_is_an_error_when_it_is_met(target: str) -> None:
    with pb.Graph():
        values = pb.svdvals(pb.constant(np.full((2, 2), np.nan)))
        with pytest.raises(ValueError, match="did not converge"):
            pb.run(values, target=target)
