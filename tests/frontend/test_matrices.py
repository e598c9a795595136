"""Functions of matrices as users call them, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

RNG = np.random.default_rng(0)
T = (RNG.uniform(-0.5, 0.5, (2, 3, 3)) + 2 * np.eye(3)).astype(np.float32)
SPD = (T @ T.swapaxes(1, 2)).astype(np.float32)
B = RNG.standard_normal((2, 3, 4)).astype(np.float32)
V = B[0, :, 0]
WRONG: Any = pb

FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "tril": (pb.tril, np.tril, (B,)),
    "tril above": (lambda x: pb.tril(x, 1), lambda x: np.tril(x, 1), (B,)),
    "triu": (pb.triu, np.triu, (B,)),
    "triu below": (lambda x: pb.triu(x, -1), lambda x: np.triu(x, -1), (B,)),
    "triu above": (lambda x: pb.triu(x, k=2), lambda x: np.triu(x, 2), (B,)),
    "band_part": (lambda x: pb.band_part(x, 1, 0), lambda x: np.triu(np.tril(x), -1), (B,)),
    "band_part of all": (lambda x: pb.band_part(x, -1, -1), lambda x: x, (B,)),
    "diagonal": (lambda x: pb.diagonal(x, 1), lambda x: np.diagonal(x, 1, 1, 2), (B,)),
    "trace": (pb.trace, lambda x: np.trace(x, axis1=1, axis2=2), (T,)),
    "trace beside": (lambda x: pb.trace(x, offset=-1), lambda x: np.trace(x, -1, 1, 2), (B,)),
    "diag": (lambda x: pb.diag(x, -1), lambda x: np.diag(x, -1), (V,)),
    "diag of a batch": (lambda x: pb.diag(x, 1), lambda x: np.stack([np.diag(r, 1) for r in x]), (B[:, 0],)),
    "cholesky": (pb.cholesky, np.linalg.cholesky, (SPD,)),
    "upper cholesky": (
        lambda x: pb.cholesky(x, upper=True),
        lambda x: np.linalg.cholesky(x, upper=True),
        (SPD,),
    ),
    "triangular_solve": (pb.triangular_solve, lambda a, b: np.linalg.solve(np.tril(a), b), (T, B)),
    "triangular_solve upper": (
        lambda a, b: pb.triangular_solve(a, b, lower=False, adjoint=True),
        lambda a, b: np.linalg.solve(np.triu(a).swapaxes(1, 2), b),
        (T, B),
    ),
    "solve": (pb.solve, np.linalg.solve, (T, B)),
    "solve for a vector": (pb.solve, np.linalg.solve, (T, V)),
    "solve the adjoint": (
        lambda a, b: pb.solve(a, b, adjoint=True),
        lambda a, b: np.linalg.solve(a.swapaxes(1, 2), b),
        (T, B),
    ),
    "inv": (pb.inv, np.linalg.inv, (T,)),
    "det": (pb.det, np.linalg.det, (T,)),
    "slogdet": (lambda x: pb.slogdet(-x).logabsdet, lambda x: np.linalg.slogdet(-x)[1], (T,)),
    "the sign of slogdet": (lambda x: pb.slogdet(-x).sign, lambda x: np.linalg.slogdet(-x)[0], (T,)),
}


@pytest.mark.parametrize("case", FUNCTIONS)
@pytest.mark.parametrize("known", [True, False])
def test_against_numpy(graph: pb.Graph, case: str, known: bool) -> None:
    function, reference, operands = FUNCTIONS[case]
    xs = [pb.placeholder("f32", x.shape if known else (None,) * x.ndim) for x in operands]
    y = function(*xs)
    expected = reference(*operands)
    found = pb.run(y, dict(zip(xs, operands, strict=True)))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    step = pb.compile(xs, [y, *pb.gradients(y, xs, unconnected_gradients="zero")], target="cpu")
    native, *gradients = step(*operands)
    np.testing.assert_allclose(native, expected, rtol=1e-4, atol=1e-5)
    assert [g.shape for g in gradients] == [x.shape for x in operands]


def test_triangles_run_in_kernels(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3, 3))
    step = pb.compile([x], [pb.tril(x)], target="cpu")
    assert "graph.matrix_band_part" not in step.ir("kernels")
    kept = step(np.full((3, 3), np.nan, np.float32))[0]
    assert np.isnan(kept).tolist() == np.tril(np.ones((3, 3), bool)).tolist()


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_matrices_without_an_answer(graph: pb.Graph, target: Any) -> None:
    x = pb.placeholder("f32", (2, 2))
    for function in (pb.cholesky, pb.inv):
        step = pb.compile([x], [function(x)], target=target)
        with pytest.raises(ValueError, match=r"positive definite|Singular"):
            step(np.zeros((2, 2), np.float32))


REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "not square": ("graph.cholesky: square_c1: matrices must be square", lambda: pb.cholesky(B)),
    "a vector": ("rank_c6: matrices must have at least rank 2", lambda: pb.inv(V)),
    "integers": ("dtype_c1: needs a floating-point dtype", lambda: pb.det(np.eye(3, dtype=np.int32))),
    "rows": ("rows_c1: matrix and right side must have as many rows", lambda: pb.solve(T, B[:, :2])),
    "a vector to solve": ("rank_c6: matrices must have", lambda: pb.triangular_solve(T, V)),
    "half a diagonal": ("tril: k: expected a whole number, got 0.5", lambda: WRONG.tril(T, 0.5)),
    "a scalar": ("diag: expected at least one axis", lambda: pb.diag(1.0)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(graph: pb.Graph, case: str) -> None:
    message, call = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
