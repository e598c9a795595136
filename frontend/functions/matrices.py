"""Functions of matrices (…, m, n): triangles, diagonals, Cholesky factors, linear systems, determinants."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.by_index.extents import extents_of
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.linear_algebra.determinants import Determinant, SlogDet
from pullback.dialects.graph.linear_algebra.factorizations import (
    Cholesky,
    MatrixInverse,
    MatrixSolve,
    TriangularSolve,
)
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.linear_algebra.matmul import adjoint as adjoint_of
from pullback.dialects.graph.linear_algebra.matrices import MatrixBandPart, MatrixDiag, MatrixDiagPart
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.functions.creation import ones_like
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import is_whole_number
from pullback.frontend.operands.checked_dtypes import in_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = [
    "band_part",
    "cholesky",
    "det",
    "diag",
    "diagonal",
    "inv",
    "matrix_power",
    "slogdet",
    "solve",
    "trace",
    "triangular_solve",
    "tril",
    "triu",
]


# ---- triangles and diagonals -----------------------------------------------------------------------------------


def tril(x: Operand, k: int = 0, name: str | None = None) -> Tensor:
    """The lower triangles of matrices: zeros above the diagonal of which `column - row` is `k`."""
    value, offset = as_tensor(x, "tril"), _whole(k, "tril: k")
    return named_as(name, lambda: MatrixBandPart.within(value, upper=offset))


def triu(x: Operand, k: int = 0, name: str | None = None) -> Tensor:
    """The upper triangles of matrices: zeros below the diagonal of which `column - row` is `k`."""
    value, offset = as_tensor(x, "triu"), _whole(k, "triu: k")
    return named_as(name, lambda: MatrixBandPart.within(value, lower=-offset))


def band_part(x: Operand, num_lower: int, num_upper: int, name: str | None = None) -> Tensor:
    """Matrices with zeros outside of a band.

    Args:
        x: matrices (…, m, n).
        num_lower: how many diagonals below the main one are kept; all of them if negative.
        num_upper: how many above.
        name: of the operation.
    """
    value = as_tensor(x, "band_part")
    given = _whole(num_lower, "band_part: num_lower"), _whole(num_upper, "band_part: num_upper")
    lower, upper = (None if n < 0 else n for n in given)
    return named_as(name, lambda: MatrixBandPart.within(value, lower, upper))


def diagonal(x: Operand, offset: int = 0, name: str | None = None) -> Tensor:
    """The diagonals of matrices, (…, m, n) -> (…, length): the elements of which `column - row` is `offset`."""
    value, at = as_tensor(x, "diagonal"), _whole(offset, "diagonal: offset")
    return named_as(name, lambda: MatrixDiagPart.at(value, at))


def trace(x: Operand, offset: int = 0, dtype: object = None, name: str | None = None) -> Tensor:
    """The sums of the diagonals of matrices, (…, m, n) -> (…), in the dtype of `x` or, cast before, in `dtype`."""
    parts = MatrixDiagPart.at(as_tensor(x, "trace"), _whole(offset, "trace: offset"))
    return named_as(name, lambda: Sum.over(in_dtype(parts, dtype), -1))


def diag(x: Operand, k: int = 0, name: str | None = None) -> Tensor:
    """Square matrices with a diagonal and zeros beside it, (…, n) -> (…, n + |k|, n + |k|).

    Args:
        x: the diagonals.
        k: `column - row` of its elements.
        name: of the operation.

    Raises:
        ValueError: for a scalar.
    """
    value, offset = as_tensor(x, "diag"), _whole(k, "diag: k")
    if value.ndim == 0:
        raise GraphError("diag: expected at least one axis, that of the diagonal, got a scalar")
    *batch, length = value.extents
    side = DYNAMIC_INDEX if length == DYNAMIC_INDEX else length + abs(offset)
    shape = (*batch, side, side)
    runtime = _squares(value, abs(offset)) if DYNAMIC_INDEX in shape else None
    return named_as(name, lambda: MatrixDiag.to(value, shape, offset, runtime))


def _squares(x: Tensor, added: int) -> Tensor:
    """The shape of square matrices that are so much larger than the last axis of `x`."""
    last = x.ndim - 1
    extents = extents_of(x, [*range(last), last, last])
    return extents + Constant.from_array(np.array([0] * last + [added] * 2))


def _whole(value: int, what: str) -> int:
    if not is_whole_number(value):
        raise ArgumentTypeError(f"{what}: expected a whole number, got {value!r}")
    return int(value)


# ---- equations --------------------------------------------------------------------------------------------------


def cholesky(x: Operand, upper: bool = False, name: str | None = None) -> Tensor:
    """The triangular factors of positive definite matrices: L with L @ L^H = x, or U with U^H @ U = x.

    Args:
        x: Hermitian matrices (…, n, n), of which the lower triangles are read.
        upper: whether to return U.
        name: of the operation.

    Raises:
        ValueError: for matrices that are not square, and when run for those that are not positive definite.
    """
    value = as_tensor(x, "cholesky")
    factor = named_as(name, lambda: Cholesky.of(value))
    return adjoint_of(factor) if upper else factor


def triangular_solve(
    matrix: Operand, rhs: Operand, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Tensor:
    """The X with A @ X = B, or A^H @ X = B if `adjoint`, of triangular matrices A.

    Args:
        matrix: A, (…, n, n), of which one triangle is read.
        rhs: B, (…, n, k); leading axes broadcast.
        lower: which triangle is read.
        adjoint: whether the equation is that of A^H.
        name: of the operation.

    Raises:
        ValueError: for shapes or dtypes that do not fit, and when run for a zero on the diagonal.
    """
    a, b = tensors(matrix, rhs, op="triangular_solve")
    return named_as(name, lambda: TriangularSolve.solved(a, b, not lower, adjoint))


def solve(x1: Operand, x2: Operand, adjoint: bool = False, name: str | None = None) -> Tensor:
    """The X with A @ X = B, or A^H @ X = B if `adjoint`, of square matrices A.

    Args:
        x1: A, (…, n, n).
        x2: B, (…, n, k), or one vector (n,); leading axes broadcast.
        adjoint: whether the equation is that of A^H.
        name: of the operation.

    Raises:
        ValueError: for shapes or dtypes that do not fit, and when run for a singular matrix.
    """
    a, b = tensors(x1, x2, op="solve")
    columns = ExpandDims.at(b, [1]) if b.ndim == 1 else b
    found = named_as(name, lambda: MatrixSolve.of(a, columns, **flag(adjoint, "adjoint")))
    return Squeeze.at(found, [found.ndim - 1]) if b.ndim == 1 else found


def inv(x: Operand, name: str | None = None) -> Tensor:
    """The inverses of square matrices (…, n, n); a singular one is a `ValueError` when run."""
    value = as_tensor(x, "inv")
    return named_as(name, lambda: MatrixInverse.of(value))


def matrix_power(x: Operand, n: int, name: str | None = None) -> Tensor:
    """The product of `n` times the same square matrix: the identity for 0, that of inverses for a negative number."""
    value, count = as_tensor(x, "matrix_power"), _whole(n, "matrix_power: n")
    if value.ndim < 2 or value.extents[-1] != value.extents[-2]:
        raise GraphError(f"matrix_power: expected square matrices, got {value.type}")
    if count == 0:
        return named_as(name, lambda: MatrixBandPart.within(ones_like(value), 0, 0))
    squares = [MatrixInverse.of(value) if count < 0 else value]
    while 2 ** len(squares) <= abs(count):
        squares.append(MatMul.product(squares[-1], squares[-1]))
    factors = [square for i, square in enumerate(squares) if abs(count) >> i & 1]
    return named_as(name, lambda: reduce(MatMul.product, factors))


def det(x: Operand, name: str | None = None) -> Tensor:
    """The determinants of square matrices, (…, n, n) -> (…)."""
    value = as_tensor(x, "det")
    return named_as(name, lambda: Determinant.of(value))


class SlogdetResult(NamedTuple):
    """The result of `slogdet`."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: Operand, name: str | None = None) -> SlogdetResult:
    """The signs of the determinants of square matrices, and the logarithms of their absolute values."""
    value = as_tensor(x, "slogdet")
    first = named_as(name, lambda: Tensor(SlogDet.emit([value.value]).results[0]))
    return SlogdetResult(*(Tensor(r) for r in first.op.results))
