"""Cases of equations of square matrices, against SciPy matrix by matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from pullback.dialects.graph.linear_algebra.determinants import (
    Cofactors,
    CofactorsDerivative,
    Determinant,
    SlogDet,
)
from pullback.dialects.graph.linear_algebra.factorizations import (
    Cholesky,
    MatrixInverse,
    MatrixSolve,
    TriangularSolve,
)
from pullback.dialects.graph.linear_algebra.matmul import MatMul, adjoint
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case


def each(function: Callable[..., Any], *operands: Any) -> Any:
    """The function on each matrix of the batches, broadcast."""
    batch = np.broadcast_shapes(*(x.shape[:-2] for x in operands))
    spread = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in operands]
    made = [function(*(x[at] for x in spread)) for at in np.ndindex(*batch)]
    if not made:  # of no matrix: the shape is that of any
        return np.zeros((*batch, *np.shape(function(*(np.eye(x.shape[-2], x.shape[-1]) for x in operands)))))
    return np.reshape(made, (*batch, *np.shape(made[0])))


def _definite(a: Tensor) -> Tensor:
    """A positive definite matrix for any other."""
    return MatMul.of(a, adjoint(a))


def _cholesky(type_: str) -> Case:
    return Case(
        (type_,),
        lambda a: Cholesky.of(_definite(a)),
        lambda a: each(lambda x: scipy.linalg.cholesky(x @ x.conj().T, lower=True), a),
        (_away_from_singular,),
        tolerance=1e-8,
    )


def _away_from_singular(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(-0.5, 0.5, shape) + 2 * np.eye(shape[-1])


def _complex(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return _away_from_singular(rng, shape) + 1j * rng.uniform(-0.5, 0.5, shape)


def _triangular(a: str, b: str, upper: bool = False, adjoint: bool = False) -> Case:
    def solved(x: Any, y: Any) -> Any:
        return scipy.linalg.solve_triangular(x, y, lower=not upper, trans=2 if adjoint else 0)

    sampler = _complex if "complex" in a else _away_from_singular
    return Case(
        (a, b),
        lambda x, y: TriangularSolve.solved(x, y, upper, adjoint),
        lambda x, y: each(solved, x, y),
        (sampler,),
    )


def _of_square(type_: str, body: Callable[[Tensor], Any], reference: Callable[[Any], Any]) -> Case:
    sampler = _complex if "complex" in type_ else _away_from_singular
    return Case((type_,), body, lambda a: each(reference, a), (sampler,))


def _sign_and_logarithm(a: Any) -> list[Any]:
    determinant = complex(scipy.linalg.det(a))
    return [determinant / abs(determinant), np.log(abs(determinant))]


def _slogdet(a: Tensor) -> list[Tensor]:
    return [Tensor(r) for r in SlogDet.emit([a.value]).results]


def _cofactors(a: Any) -> Any:
    """Signed determinants of what is left without a row and a column."""
    found = np.empty_like(a)
    for i, j in np.ndindex(a.shape[-2:]):
        minor = np.delete(np.delete(a, i, axis=-2), j, axis=-1)
        found[..., i, j] = (-1) ** (i + j) * each(lambda m: np.asarray(scipy.linalg.det(m)), minor)
    return found


def _derivative(type_: str) -> Case:
    """Cofactors are of the second order, or of less, in a direction: a central difference is exact up to rounding."""
    sampler = _complex if "complex" in type_ else _away_from_singular
    return Case(
        (type_, type_),
        CofactorsDerivative.of,
        lambda a, v: (_cofactors(a + v) - _cofactors(a - v)) / 2,
        (sampler, sampler),
    )


CASES: dict[str, list[Case]] = {
    "graph.cholesky": [
        _cholesky("3x3xf64"),
        _cholesky("2x4x4xf64"),
        _cholesky("?x?xf64"),
        _cholesky("1x1xf64"),
        _cholesky("0x2x2xf64"),
        Case(
            ("3x3xcomplex<f64>",),
            lambda a: Cholesky.of(_definite(a)),
            lambda a: scipy.linalg.cholesky(a @ a.conj().T, lower=True),
            (_complex,),
            tolerance=1e-8,
        ),
    ],
    "graph.triangular_solve": [
        _triangular("3x3xf64", "3x2xf64"),
        _triangular("3x3xf64", "3x1xf64", upper=True),
        _triangular("2x3x3xf64", "2x3x2xf64", adjoint=True),
        _triangular("2x3x3xf64", "3x2xf64", upper=True, adjoint=True),
        _triangular("3x3xf64", "2x1x3x2xf64"),
        _triangular("?x?xf64", "?x?xf64"),
        _triangular("0x3x3xf64", "3x2xf64"),
        _triangular("3x3xcomplex<f64>", "3x2xcomplex<f64>"),
        _triangular("3x3xcomplex<f64>", "3x2xcomplex<f64>", upper=True, adjoint=True),
    ],
    "graph.matrix_solve": [
        Case(("3x3xf64", "3x2xf64"), MatrixSolve.of, scipy.linalg.solve, (_away_from_singular,)),
        Case(
            ("2x3x3xf64", "3x2xf64"),
            MatrixSolve.of,
            lambda a, b: each(scipy.linalg.solve, a, b),
            (_away_from_singular,),
        ),
        Case(
            ("3x3xcomplex<f64>", "3x1xcomplex<f64>"),
            lambda a, b: Tensor(MatrixSolve.emit([a.value, b.value], flag(True, "adjoint")).results[0]),
            lambda a, b: scipy.linalg.solve(a.conj().T, b),
            (_complex,),
        ),
    ],
    "graph.matrix_inverse": [
        _of_square("3x3xf64", MatrixInverse.of, scipy.linalg.inv),
        _of_square("2x?x?xf64", MatrixInverse.of, scipy.linalg.inv),
        _of_square("3x3xcomplex<f64>", MatrixInverse.of, scipy.linalg.inv),
    ],
    "graph.determinant": [
        _of_square("3x3xf64", Determinant.of, scipy.linalg.det),
        _of_square("2x3x3xf64", Determinant.of, scipy.linalg.det),
        _of_square("0x0xf64", Determinant.of, lambda a: np.ones(())),
        _of_square("3x3xcomplex<f64>", Determinant.of, scipy.linalg.det),
    ],
    "graph.cofactors": [
        _of_square("3x3xf64", Cofactors.of, _cofactors),
        _of_square("2x?x?xf64", Cofactors.of, _cofactors),
        _of_square("1x1xf64", Cofactors.of, np.ones_like),
        _of_square("0x0xf64", Cofactors.of, np.ones_like),
        _of_square("3x3xcomplex<f64>", Cofactors.of, _cofactors),
    ],
    "graph.cofactors_derivative": [
        _derivative("3x3xf64"),
        _derivative("2x?x?xf64"),
        _derivative("1x1xf64"),
        _derivative("3x3xcomplex<f64>"),
    ],
    "graph.slogdet": [
        Case(
            ("2x2xcomplex<f64>",),
            _slogdet,
            _sign_and_logarithm,
            (_complex,),
        ),
        Case(
            ("2x3x3xf64",),
            _slogdet,
            lambda a: [np.sign(scipy.linalg.det(a)), np.log(np.abs(scipy.linalg.det(a)))],
            (_away_from_singular,),
        ),
    ],
}

Q, X = "tensor<3x3xf32>", "tensor<2x3xf32>"


def _solve(label: str, a: str, b: str) -> tuple[str, str, str]:
    return label, f"%a: {a}, %b: {b}", f"graph.triangular_solve %a, %b : ({a}, {b}) -> {Q}"


BROKEN: list[tuple[str, str, str]] = [
    ("square_c1", f"%x: {X}", f"graph.cholesky %x : {X}"),
    ("rank_c6", "%v: tensor<3xf32>", "graph.matrix_inverse %v : tensor<3xf32>"),
    ("dtype_c1", "%i: tensor<3x3xi32>", "graph.cholesky %i : tensor<3x3xi32>"),
    (
        "dtype_c1",
        "%z: tensor<3x3xi32>",
        "graph.slogdet %z : (tensor<3x3xi32>) -> (tensor<i32>, tensor<i32>)",
    ),
    _solve("dtype_c2", Q, "tensor<3x3xf64>"),
    _solve("rows_c1", Q, "tensor<2x3xf32>"),
    _solve("batch_c1", "tensor<2x3x3xf32>", "tensor<4x3x3xf32>"),
    _solve("rank_c6", Q, "tensor<3xf32>"),
]
