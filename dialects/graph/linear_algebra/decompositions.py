"""Matrix decompositions (…, m, n): eigenvalues (`eigh`), QR, singular values (`svd`), and the pseudo-inverse.

Vectors are unique up to their sign, or their phase if complex, so no loss should depend on it. The gradient rules of
vectors hold where values are distinct, and singular values not 0; quotients by 0 count as 0 there, which is right for
the values. The rules are those of Giles (An extended collection of matrix derivative results for forward and
reverse mode algorithmic differentiation, 2008), with the gradient of a lower triangle as in TensorFlow; Walter and
Lehmann (Algorithmic differentiation of linear algebra functions, arXiv:1001.1654) for `qr`; Wan and Zhang (Automatic
differentiation for complex valued SVD, arXiv:1909.02659); Golub and Pereyra (The differentiation of pseudo-inverses and
nonlinear least squares problems whose variables separate, 1973).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, FloatAttr, IntegerAttr, f64, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, opt_prop_def, result_def

from pullback.dialects.graph.elementwise.arithmetic import DivNoNan
from pullback.dialects.graph.elementwise.basic import Cast, is_zero
from pullback.dialects.graph.linear_algebra.factorizations import TriangularSolve, lower_half
from pullback.dialects.graph.linear_algebra.matmul import MatMul, adjoint
from pullback.dialects.graph.linear_algebra.matrices import MatrixDiag, MatrixDiagPart
from pullback.dialects.graph.linear_algebra.matrix_families import OfMatrices, OfSquares
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.slicing import StridedSlice, along
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.matrix_algorithms import ByReflections
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    is_complex,
    numpy_dtype,
    real_type_of,
    tensor_type,
)


@graph_op
class Eigh(OfSquares):
    """The eigenvalues of a Hermitian matrix, ascending, and its eigenvectors, as columns.

    Only the lower triangle is read, and the gradient is that of this triangle.
    """

    name = "graph.eigh"
    EXAMPLES: ClassVar = (
        "%r:2 = graph.eigh %q : (SQUARE) -> (VECTOR, SQUARE)",
        "%r:2 = graph.eigh %u : (tensor<2x2xcomplex<f32>>) -> (tensor<2xf32>, tensor<2x2xcomplex<f32>>)",
    )
    values = result_def(AnyAttr())
    vectors = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        *batch, rows, columns = cls.check_square(operands[0])
        kind, side = element_type_of(operands[0]), max(rows, columns)
        return [tensor_type(real_type_of(kind), (*batch, side)), tensor_type(kind, (*batch, side, side))]

    def numpy(self, *operands: Array) -> Any:
        return _rounded(self, np.linalg.eigh(widened(operands[0])))

    def gradient(self, dy_values: Tensor, dy_vectors: Tensor) -> GradientTerms:
        values, vectors = map(Tensor, self.results)
        if is_zero(dy_vectors):
            return (lower_half(2 * _with_values(vectors, dy_values, adjoint(vectors))),)
        turned = MatMul.of(adjoint(vectors), dy_vectors)
        inner = _diagonal(dy_values, turned) + _quotient(turned, _row(values) - _column(values))
        whole = MatMul.of(MatMul.of(vectors, inner), adjoint(vectors))
        return (lower_half(whole + adjoint(whole)),)


@graph_op
class Qr(OfMatrices, ByReflections):
    """The product of Q with orthonormal columns (m, k), and an upper triangular R (k, n), where k is min(m, n).

    The diagonal of R is real, of either sign. The first k columns of the operand must be independent for a gradient.
    """

    name = "graph.qr"
    EXAMPLES: ClassVar = ("%r:2 = graph.qr %d : (tensor<4x3xf32>) -> (tensor<4x3xf32>, SQUARE)",)
    q = result_def(AnyAttr())
    r = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        kind, batch, rows, columns = cls.check(operands[0])
        least = _least(rows, columns)
        return [tensor_type(kind, (*batch, rows, least)), tensor_type(kind, (*batch, least, columns))]

    def numpy(self, *operands: Array) -> Any:
        return _rounded(self, np.linalg.qr(widened(operands[0])))

    def gradient(self, dq: Tensor, dr: Tensor) -> GradientTerms:
        """Reduces a wide matrix [X, Y] with R = [U, V] to the gradient of X = Q U, where V = Q^H Y."""
        q, r = map(Tensor, self.results)
        rows, columns = self.a.extents[-2:]
        if DYNAMIC_INDEX in (rows, columns):
            raise GraphError(
                f"{self.name}: the gradient needs to know whether a matrix has more columns than rows: give it "
                f"extents that are no `?`, got {self.a.type}"
            )
        if rows >= columns:
            return (_of_tall(q, r, dq, dr),)
        (_, y), (u, _), (du, dv) = (_columns(x, rows) for x in (self.a, r, dr))
        dx = _of_tall(q, u, dq + MatMul.of(y, adjoint(dv)), du)
        return (Concat.of(dx, MatMul.of(q, dv), axis=IntegerAttr(dx.ndim - 1, i64)),)


def _of_tall(q: Tensor, r: Tensor, dq: Tensor, dr: Tensor) -> Tensor:
    """Computes the gradient of a QR, r square: (dq + q S) r^-H, S Hermitian from the lower half of r dr^H - dq^H q."""
    of_q, of_r = MatMul.of(adjoint(dq), q), MatMul.of(r, adjoint(dr))
    half = lower_half(of_r if is_zero(dq) else -of_q if is_zero(dr) else of_r - of_q)
    turned = MatMul.of(q, half + adjoint(half))
    if not is_zero(dq):
        turned = dq + turned
    return adjoint(TriangularSolve.solved(r, adjoint(turned), upper=True))


def _columns(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Splits matrices into the first `count` columns and the others."""
    first, rest = (along(x, x.ndim - 1, part) for part in (slice(None, count), slice(count, None)))
    return StridedSlice.at(x, first), StridedSlice.at(x, rest)


@graph_op
class Svd(OfMatrices):
    """The product of orthonormal columns (m, k), descending singular values (k) and orthonormal rows (k, n).

    k is min(m, n). The gradients of complex vectors are right for losses that do not depend on their common phases.
    """

    name = "graph.svd"
    EXAMPLES: ClassVar = (
        "%r:3 = graph.svd %d : (tensor<4x3xf32>) -> (tensor<4x3xf32>, VECTOR, SQUARE)",
        """%r:3 = graph.svd %u : (tensor<2x2xcomplex<f32>>)
      -> (tensor<2x2xcomplex<f32>>, tensor<2xf32>, tensor<2x2xcomplex<f32>>)""",
    )
    u = result_def(AnyAttr())
    s = result_def(AnyAttr())
    vh = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        kind, batch, rows, columns = cls.check(operands[0])
        least = _least(rows, columns)
        shapes = ((*batch, rows, least), (*batch, least), (*batch, least, columns))
        return [tensor_type(k, s) for k, s in zip((kind, real_type_of(kind), kind), shapes, strict=True)]

    def numpy(self, *operands: Array) -> Any:
        return _rounded(self, np.linalg.svd(widened(operands[0]), full_matrices=False))

    def gradient(self, du: Tensor, ds: Tensor, dvh: Tensor) -> GradientTerms:
        u, s, vh = map(Tensor, self.results)
        if is_zero(du) and is_zero(dvh):
            return (_with_values(u, ds, vh),)
        row, column = _row(s), _column(s)
        turned_u, turned_v = MatMul.of(adjoint(u), du), MatMul.of(vh, adjoint(dvh))
        skew_u, skew_v = turned_u - adjoint(turned_u), turned_v - adjoint(turned_v)
        kind = u.element_type
        mixed = skew_u * Cast.to(row, kind) + Cast.to(column, kind) * skew_v
        inner = _diagonal(ds, mixed) + _quotient(mixed, (row - column) * (row + column))
        if is_complex(kind):  # a common phase of u and v changes nothing, a phase of one of them alone does
            inner = inner + _diagonal(_quotient(MatrixDiagPart.at(skew_u), 2 * s), mixed)
        da = MatMul.of(MatMul.of(u, inner), vh)
        rows, columns = self.a.extents[-2:]
        if rows > columns or DYNAMIC_INDEX in (rows, columns):
            da = da + MatMul.of(_quotient(du - MatMul.of(u, turned_u), row), vh)
        if columns > rows or DYNAMIC_INDEX in (rows, columns):
            da = da + MatMul.of(u, _quotient(dvh - MatMul.of(adjoint(turned_v), vh), column))
        return (da,)


@graph_op
class PseudoInverse(OfMatrices):
    """The Moore-Penrose pseudo-inverse: singular values of at most `rtol` times the largest count as 0.

    `rtol` defaults to max(m, n) times the machine epsilon. The gradient rule holds where the rank is locally constant,
    and singular values that count as 0 are nearly 0.
    """

    name = "graph.pseudo_inverse"
    EXAMPLES: ClassVar = (
        "%r = graph.pseudo_inverse %x : (MATRIX) -> tensor<3x2xf32>",
        "%r = graph.pseudo_inverse %x {rtol = 0.01 : f64} : (MATRIX) -> tensor<3x2xf32>",
    )
    result = result_def(AnyAttr())
    rtol = opt_prop_def(base(FloatAttr))

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        kind, batch, rows, columns = cls.check(operands[0])
        return [tensor_type(kind, (*batch, columns, rows))]

    @classmethod
    def within(cls, x: Tensor, rtol: float | None = None) -> Tensor:
        """Emits the pseudo-inverse of `x`."""
        return cls.of(x) if rtol is None else cls.of(x, rtol=FloatAttr(rtol, f64))

    def numpy(self, *operands: Array) -> Any:
        x = widened(operands[0])
        rtol = max(x.shape[-2:]) * np.finfo(x.dtype).eps
        if isinstance(self.rtol, FloatAttr):
            rtol = self.rtol.value.data
        return np.linalg.pinv(x, rtol).astype(operands[0].dtype, copy=False)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, inverse = self.a, Tensor(self.result)
        back, dyh = adjoint(inverse), adjoint(dy)
        left = MatMul.of(MatMul.of(dyh, inverse), back)
        right = MatMul.of(MatMul.of(back, inverse), dyh)
        beside = (
            left - MatMul.of(a, MatMul.of(inverse, left)) + right - MatMul.of(MatMul.of(right, inverse), a)
        )
        return (beside - MatMul.of(MatMul.of(back, dy), back),)


# ---- parts of the rules -----------------------------------------------------------------------------------------


def _least(rows: int, columns: int) -> int:
    return DYNAMIC_INDEX if DYNAMIC_INDEX in (rows, columns) else min(rows, columns)


def _rounded(op: Eigh | OfMatrices, results: Iterable[Array]) -> tuple[Array, ...]:
    """Rounds arrays to the dtypes of the results."""
    kinds = (numpy_dtype(element_type_of(type_)) for type_ in op.result_types)
    return tuple(x.astype(kind, copy=False) for x, kind in zip(results, kinds, strict=True))


def _row(x: Tensor) -> Tensor:
    """Reshapes (…, n) to (…, 1, n)."""
    return ExpandDims.at(x, [x.ndim - 1])


def _column(x: Tensor) -> Tensor:
    """Reshapes (…, n) to (…, n, 1)."""
    return ExpandDims.at(x, [x.ndim])


def _with_values(left: Tensor, values: Tensor, right: Tensor) -> Tensor:
    """Computes the product of columns, each times a real value, and rows: the gradient where values alone are used."""
    return MatMul.of(left * Cast.to(_row(values), left.element_type), right)


def _quotient(x: Tensor, divisor: Tensor) -> Tensor:
    """Divides `x` by real numbers; 0 where they are 0."""
    return DivNoNan.of(x, Cast.to(divisor, x.element_type))


def _diagonal(x: Tensor, matrices: Tensor) -> Tensor:
    """Builds matrices with these diagonals, of the shape and dtype of `matrices`."""
    return MatrixDiag.like(Cast.to(x, matrices.element_type), matrices, {"offset": IntegerAttr(0, i64)})
