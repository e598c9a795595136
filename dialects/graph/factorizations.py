"""Square matrices (…, n, n) in equations: Cholesky factors, triangular and general solutions, inverses, determinants.

The rules are those of Giles (Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008) and Murray (Differentiation of the Cholesky decomposition, arXiv:1602.07527).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.attributes import flag
from pullback.dialects.graph.base import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.checks import check_operand_dtypes
from pullback.dialects.graph.complex_numbers import Imag, MakeComplex
from pullback.dialects.graph.families import OfDtypes, check_dtype
from pullback.dialects.graph.linalg import MatMul, adjoint, batch_of, summed_to
from pullback.dialects.graph.matrices import MatrixBandPart, check_matrices
from pullback.dialects.graph.numerics import widened
from pullback.dialects.graph.rearranging import ExpandDims
from pullback.dialects.graph.types import (
    GraphError,
    Shape,
    element_type_of,
    is_complex,
    is_inexact,
    numpy_dtype,
    real_type_of,
    tensor_type,
)
from pullback.dialects.graph.value import Tensor, conj


class OfSquares(OfDtypes):
    """An operation on square matrices."""

    DTYPES: ClassVar = is_inexact
    matrix = operand_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def a(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def y(self) -> Tensor:
        return Tensor(self.results[0])

    @classmethod
    def check_square(cls, type_: Attribute) -> Shape:
        """The extents of a tensor of square matrices, of the right dtype."""
        check_dtype(cls, element_type_of(type_))
        *batch, rows, columns = check_matrices(cls.name, type_)
        if rows != columns and DYNAMIC_INDEX not in (rows, columns):
            raise GraphError(f"{cls.name}: square_c1: matrices must be square, got {type_}")
        return (*batch, rows, columns)


class SquareToSquare(OfSquares):
    """The result has the type of the operand."""

    result = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        cls.check_square(operands[0])
        return [operands[0]]


@graph_op
class Cholesky(SquareToSquare):
    """The lower triangular L with L @ L^H = the operand, a Hermitian matrix of which the lower triangle is read.

    A matrix that is not positive definite is an error when it is met.
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
    """The X of an equation with A @ X = B; leading axes broadcast."""

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
        """The matrix whose equation is solved."""
        return np.conj(a.swapaxes(-1, -2)) if self.is_adjoint else a

    def numpy(self, *operands: Array) -> Any:
        a, b = map(widened, operands)
        return np.linalg.solve(self.system(a), b).astype(operands[0].dtype, copy=False)

    def solved_back(self, dy: Tensor) -> Tensor:
        """The solution of the adjoint equation."""
        properties = {k: v for k, v in self.properties.items() if k != "adjoint"}
        return type(self).of(self.a, dy, **properties, **flag(not self.is_adjoint, "adjoint"))

    def terms(self, dy: Tensor) -> tuple[Tensor, Tensor]:
        """The gradients, for all elements of the matrix and each pair of the batch."""
        db = self.solved_back(dy)
        first, second = (self.y, db) if self.is_adjoint else (db, self.y)
        return -MatMul.of(first, adjoint(second)), db


@graph_op
class TriangularSolve(Solving):
    """The X with A @ X = B, or A^H @ X = B if `adjoint`, of a triangular A: its other triangle is not read.

    A zero on the diagonal is an error when it is met.
    """

    name = "graph.triangular_solve"
    EXAMPLES: ClassVar = (
        "%r = graph.triangular_solve %q, %q : SQUARE",
        "%r = graph.triangular_solve %q, %q {upper, adjoint} : SQUARE",
    )
    upper = opt_prop_def(UnitAttr)

    @classmethod
    def solved(cls, a: Tensor, b: Tensor, upper: bool = False, adjoint: bool = False) -> Tensor:
        """The solution."""
        return cls.of(a, b, **flag(upper, "upper"), **flag(adjoint, "adjoint"))

    def system(self, a: Array) -> Array:
        return super().system(np.tril(a) if self.upper is None else np.triu(a))

    def gradient(self, dy: Tensor) -> GradientTerms:
        da, db = self.terms(dy)
        is_lower = self.upper is None
        triangle = MatrixBandPart.within(da, upper=0 if is_lower else None, lower=None if is_lower else 0)
        return summed_to(triangle, self.a), summed_to(db, self.b)


@graph_op
class MatrixSolve(Solving):
    """The X with A @ X = B, or A^H @ X = B if `adjoint`. A singular A is an error when it is met."""

    name = "graph.matrix_solve"
    EXAMPLES: ClassVar = ("%r = graph.matrix_solve %q, %q : SQUARE",)

    def gradient(self, dy: Tensor) -> GradientTerms:
        da, db = self.terms(dy)
        return summed_to(da, self.a), summed_to(db, self.b)


@graph_op
class MatrixInverse(SquareToSquare):
    """The inverse. A singular matrix is an error when it is met."""

    name = "graph.matrix_inverse"
    EXAMPLES: ClassVar = ("%r = graph.matrix_inverse %q : SQUARE",)

    def numpy(self, *operands: Array) -> Any:
        return np.linalg.inv(widened(operands[0])).astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> GradientTerms:
        back = adjoint(self.y)
        return (-MatMul.of(MatMul.of(back, dy), back),)


@graph_op
class Determinant(OfSquares):
    """The determinant; its gradient needs an inverse."""

    name = "graph.determinant"
    EXAMPLES: ClassVar = ("%r = graph.determinant %q : (SQUARE) -> tensor<f32>",)
    result = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        *batch, _, _ = cls.check_square(operands[0])
        return [tensor_type(element_type_of(operands[0]), batch)]

    def numpy(self, *operands: Array) -> Any:
        return np.asarray(np.linalg.det(widened(operands[0])), operands[0].dtype)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (_on_matrices(dy * conj(self.y)) * adjoint(MatrixInverse.of(self.a)),)


@graph_op
class SlogDet(OfSquares):
    """The sign of the determinant, and the logarithm of its absolute value (-inf where it is 0).

    The sign of a complex number is that number over its absolute value.
    """

    name = "graph.slogdet"
    EXAMPLES: ClassVar = (
        "%r:2 = graph.slogdet %q : (SQUARE) -> (tensor<f32>, tensor<f32>)",
        "%r:2 = graph.slogdet %u : (tensor<2x2xcomplex<f32>>) -> (tensor<complex<f32>>, tensor<f32>)",
    )
    sign = result_def(AnyAttr())
    logarithm = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        *batch, _, _ = cls.check_square(operands[0])
        kind = element_type_of(operands[0])
        return [tensor_type(kind, batch), tensor_type(real_type_of(kind), batch)]

    def numpy(self, *operands: Array) -> Any:
        found = np.linalg.slogdet(widened(operands[0]))
        kinds = (numpy_dtype(element_type_of(result)) for result in self.result_types)
        return tuple(np.asarray(part, kind) for part, kind in zip(found, kinds, strict=True))

    def gradient(self, dy_sign: Tensor, dy_logarithm: Tensor) -> GradientTerms:
        """The sign of real numbers does not change; that of complex ones turns, and never leaves the unit circle."""
        weight = dy_logarithm
        if is_complex(self.a.element_type):
            turn = Imag.of(dy_sign * conj(Tensor(self.sign)))
            weight = MakeComplex.of(dy_logarithm, turn)
        return (_on_matrices(weight) * adjoint(MatrixInverse.of(self.a)),)


def lower_half(x: Tensor) -> Tensor:
    """The lower triangle with half of the diagonal: the half of a Hermitian matrix from which it can be had."""
    return 0.5 * (MatrixBandPart.within(x, upper=0) + MatrixBandPart.within(x, upper=-1))


def _on_matrices(x: Tensor) -> Tensor:
    """One number for each matrix, as what broadcasts against the matrices."""
    return ExpandDims.at(x, [x.ndim, x.ndim + 1])
