"""Linear equations of square matrices (…, n, n): Cholesky factorization, triangular and general solves, inverses.

The rules are those of Giles (Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008) and Murray (Differentiation of the Cholesky decomposition, arXiv:1602.07527).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_prop_def, result_def

from pullback.dialects.graph.linear_algebra.matmul import MatMul, adjoint, batch_of, summed_to
from pullback.dialects.graph.linear_algebra.matrices import MatrixBandPart, check_matrices
from pullback.dialects.graph.linear_algebra.matrix_families import OfSquares, SquareToSquare
from pullback.dialects.graph.op.checks import check_operand_dtypes
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.matrix_algorithms import ByCholesky, ByElimination, BySubstitution
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    tensor_type,
)


@graph_op
class Cholesky(SquareToSquare, ByCholesky):
    """The lower triangular L with L @ L^H = the operand, a Hermitian matrix of which the lower triangle is read.

    A matrix that is not positive definite is an error at run time.
    """

    name = "graph.cholesky"
    EXAMPLES: ClassVar = ("%r = graph.cholesky %q : SQUARE",)

    def numpy(self, *operands: Array) -> Any:
        return np.linalg.cholesky(widened(operands[0])).astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> GradientTerms:
        """L^-H P(L^H dy) L^-1, made Hermitian, where P takes the lower triangle and half of the diagonal."""
        factor = self.y
        inner = MatMul.of(adjoint(factor), dy)
        left = TriangularSolve.solved(factor, lower_half(inner), adjoint=True)
        whole = TriangularSolve.solved(factor, adjoint(left), adjoint=True)
        return (0.5 * (whole + adjoint(whole)),)


class Solving(OfSquares):
    """A solver of A @ X = B; leading axes broadcast."""

    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    adjoint = opt_prop_def(UnitAttr)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        a, b = operands
        *batch_a, rows, _ = cls.check_square(a)
        *batch_b, of_b, columns = check_matrices(cls.name, b)
        check_operand_dtypes(cls.name, a, b)
        if rows != of_b and DYNAMIC_INDEX not in (rows, of_b):
            raise GraphError(
                f"{cls.name}: rows_c1: matrix and right side must have as many rows, got {a} and {b}"
            )
        rows = max(rows, of_b)
        batch = batch_of(cls.name, tuple(batch_a), tuple(batch_b))
        return [tensor_type(element_type_of(a), (*batch, rows, columns))]

    @property
    def b(self) -> Tensor:
        return Tensor(self._operands[1])

    @property
    def is_adjoint(self) -> bool:
        return self.adjoint is not None

    def system(self, a: Array) -> Array:
        """The matrix of the equation that is solved."""
        return np.conj(a.swapaxes(-1, -2)) if self.is_adjoint else a

    def numpy(self, *operands: Array) -> Any:
        a, b = map(widened, operands)
        return np.linalg.solve(self.system(a), b).astype(operands[0].dtype, copy=False)

    def solved_back(self, dy: Tensor) -> Tensor:
        """Emits the solution of the adjoint equation."""
        properties = {k: v for k, v in self.properties.items() if k != "adjoint"}
        return type(self).of(self.a, dy, **properties, **flag(not self.is_adjoint, "adjoint"))

    def terms(self, dy: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients, for all elements of the matrix and each pair of the batch."""
        db = self.solved_back(dy)
        first, second = (self.y, db) if self.is_adjoint else (db, self.y)
        return -MatMul.of(first, adjoint(second)), db


@graph_op
class TriangularSolve(Solving, BySubstitution):
    """The X with A @ X = B, or A^H @ X = B if `adjoint`, for a triangular A: its other triangle is not read.

    A zero on the diagonal is an error at run time.
    """

    name = "graph.triangular_solve"
    EXAMPLES: ClassVar = (
        "%r = graph.triangular_solve %q, %q : SQUARE",
        "%r = graph.triangular_solve %q, %q {upper, adjoint} : SQUARE",
    )
    upper = opt_prop_def(UnitAttr)

    @classmethod
    def solved(cls, a: Tensor, b: Tensor, upper: bool = False, adjoint: bool = False) -> Tensor:
        """Emits the solution."""
        return cls.of(a, b, **flag(upper, "upper"), **flag(adjoint, "adjoint"))

    def system(self, a: Array) -> Array:
        return super().system(np.tril(a) if self.upper is None else np.triu(a))

    @property
    def is_forward(self) -> bool:
        return (self.upper is None) != self.is_adjoint

    def numpy(self, *operands: Array) -> Any:
        """Solves by substitution: of an upper triangle, the factorization is that triangle, without pivoting."""
        a, b = map(widened, operands)
        order = slice(None, None, -1 if self.is_forward else 1)
        found = np.linalg.solve(self.system(a)[..., order, order], b[..., order, :])
        return found[..., order, :].astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> GradientTerms:
        da, db = self.terms(dy)
        is_lower = self.upper is None
        triangle = MatrixBandPart.within(da, upper=0 if is_lower else None, lower=None if is_lower else 0)
        return summed_to(triangle, self.a), summed_to(db, self.b)


@graph_op
class MatrixSolve(Solving, ByElimination):
    """The X with A @ X = B, or A^H @ X = B if `adjoint`. A singular A is an error at run time."""

    name = "graph.matrix_solve"
    EXAMPLES: ClassVar = ("%r = graph.matrix_solve %q, %q : SQUARE",)

    def gradient(self, dy: Tensor) -> GradientTerms:
        da, db = self.terms(dy)
        return summed_to(da, self.a), summed_to(db, self.b)


@graph_op
class MatrixInverse(SquareToSquare, ByElimination):
    """The inverse of a matrix. A singular matrix is an error at run time."""

    name = "graph.matrix_inverse"
    EXAMPLES: ClassVar = ("%r = graph.matrix_inverse %q : SQUARE",)

    def numpy(self, *operands: Array) -> Any:
        return np.linalg.inv(widened(operands[0])).astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> GradientTerms:
        back = adjoint(self.y)
        return (-MatMul.of(MatMul.of(back, dy), back),)


def lower_half(x: Tensor) -> Tensor:
    """Takes the lower triangle with half of the diagonal: plus its adjoint it is the Hermitian matrix again."""
    return 0.5 * (MatrixBandPart.within(x, upper=0) + MatrixBandPart.within(x, upper=-1))
