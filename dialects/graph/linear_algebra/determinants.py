"""Determinants of square matrices (…, n, n), their logarithms, and cofactors, their derivatives, also where singular.

The derivative of a determinant by an element is its cofactor; that of cofactors is in Magnus and Neudecker, Matrix
Differential Calculus, 8.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.complex_numbers import Imag, MakeComplex
from pullback.dialects.graph.linear_algebra.cofactors import (
    decomposed,
    products,
    products_without_pairs,
    rounded,
)
from pullback.dialects.graph.linear_algebra.factorizations import MatrixInverse
from pullback.dialects.graph.linear_algebra.matmul import MatMul, adjoint
from pullback.dialects.graph.linear_algebra.matrix_families import OfSquares, SquareToSquare
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.matrix_algorithms import OfCofactors, OfDeterminants, OfLogDeterminants
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_types,
    element_type_of,
    is_complex,
    numpy_dtype,
    real_type_of,
    tensor_type,
)


@graph_op
class Determinant(OfSquares, OfDeterminants):
    """The determinant. Its gradient, of orders 1 and 2, is right for singular matrices too: see `cofactors`."""

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
        return (_on_matrices(dy) * conj(Cofactors.of(self.a)),)


@graph_op
class SlogDet(OfSquares, OfLogDeterminants):
    """The sign of the determinant, and the logarithm of its absolute value (-inf where it is 0).

    The sign of a complex number is that number over its absolute value. A gradient needs an inverse: where the
    determinant is 0 the logarithm has none.
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
        """The sign is constant for real numbers; for complex ones it changes only in phase."""
        weight = dy_logarithm
        if is_complex(self.a.element_type):
            turn = Imag.of(dy_sign * conj(Tensor(self.sign)))
            weight = MakeComplex.of(dy_logarithm, turn)
        return (_on_matrices(weight) * adjoint(MatrixInverse.of(self.a)),)


@graph_op
class Cofactors(SquareToSquare, OfCofactors):
    """The matrix of cofactors, the derivative of the determinant by each element; right for singular matrices too."""

    name = "graph.cofactors"
    EXAMPLES: ClassVar = ("%r = graph.cofactors %q : SQUARE",)

    def numpy(self, *operands: Array) -> Any:
        (a,) = operands
        u, s, vh, phase = decomposed(a)
        without = products(s)[..., None, :]
        return rounded(phase * np.matmul(np.conj(u) * without, np.conj(vh)), a)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (conj(CofactorsDerivative.of(self.a, conj(dy))),)


@graph_op
class CofactorsDerivative(OfSquares):
    """The directional derivative of `cofactors`, in the direction of the second operand: the determinant's second one.

    Its own derivative by the matrix needs an inverse, so that a singular matrix is an error from the third order on.
    """

    name = "graph.cofactors_derivative"
    EXAMPLES: ClassVar = ("%r = graph.cofactors_derivative %q, %q : SQUARE",)
    direction = operand_def(AnyAttr())
    result = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        a, direction = operands
        cls.check_square(a)
        if not compatible_types(a, direction):
            raise GraphError(f"{cls.name}: types_c1: operands must have one type, got {a} and {direction}")
        return [a]

    def numpy(self, *operands: Array) -> Any:
        """For a diagonal matrix: P diag(E) on the diagonal, -P * E^T off it, where P leaves out two factors."""
        a, direction = operands
        u, s, vh, phase = decomposed(a)
        pairs = products_without_pairs(s)
        turned = np.matmul(np.matmul(np.conj(u.swapaxes(-1, -2)), direction), np.conj(vh.swapaxes(-1, -2)))
        inner = -pairs * turned.swapaxes(-1, -2)
        diagonal = np.einsum("...ij,...jj->...i", pairs, turned)
        at = np.arange(s.shape[-1])
        inner[..., at, at] = diagonal
        return rounded(phase * np.matmul(np.matmul(np.conj(u), inner), np.conj(vh)), a)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, direction = self.a, Tensor(self._operands[1])
        back = conj(dy)
        return conj(_third(a, direction, back)), conj(CofactorsDerivative.of(a, back))


def _third(a: Tensor, v: Tensor, w: Tensor) -> Tensor:
    """Computes the third derivative of the determinant in two directions: d det = det tr(B dA) and dB = -B dA B."""
    b = MatrixInverse.of(a).mT

    def trace(x: Tensor, y: Tensor) -> Tensor:
        return _on_matrices(Sum.over(x * y, [x.ndim - 2, x.ndim - 1]))

    def between(x: Tensor) -> Tensor:
        return MatMul.of(MatMul.of(b, x.mT), b)

    of_v, of_w = between(v), between(w)
    both = MatMul.of(MatMul.of(of_v, w.mT), b) + MatMul.of(MatMul.of(of_w, v.mT), b)
    tv, tw = trace(b, v), trace(b, w)
    terms = (tv * tw - trace(of_w, v)) * b - tw * of_v - tv * of_w + both
    return _on_matrices(Determinant.of(a)) * terms


def _on_matrices(x: Tensor) -> Tensor:
    """Reshapes one number per matrix so that it broadcasts against the matrices."""
    return ExpandDims.at(x, [x.ndim, x.ndim + 1])
