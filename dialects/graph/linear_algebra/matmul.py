"""Matrix products, of single matrices and of batches of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze, Transpose
from pullback.dialects.graph.movement.shapes import Reshape, SumTo
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, StoredAccess, dims, trailing
from pullback.dialects.graph.op.checks import check_operand_dtypes, check_tensor
from pullback.dialects.graph.op.families import OfDtypes, check_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, as_values, graph_op
from pullback.dialects.graph.op.indexed import ContractionOp
from pullback.dialects.graph.tensor.accumulators import multiplied
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Operand, Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    Shape,
    broadcast_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)


@graph_op
class MatMul(OfDtypes, ContractionOp):
    """The matrix product, either operand transposed if asked: (…, m, k) @ (…, k, n) -> (…, m, n).

    Leading axes are a batch of matrices, and broadcast against each other.
    """

    name = "graph.matmul"
    EXAMPLES: ClassVar = (
        "%r = graph.matmul %x, %d {transpose_b} : (MATRIX, tensor<4x3xf32>) -> tensor<2x4xf32>",
        "%r = graph.matmul %g, %d {transpose_b} : (BATCH, tensor<4x3xf32>) -> tensor<5x2x4xf32>",
    )
    DTYPES: ClassVar = numeric
    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    transpose_a = opt_prop_def(UnitAttr)
    transpose_b = opt_prop_def(UnitAttr)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        lhs, rhs = operands
        a, b = shape_of_type(lhs), shape_of_type(rhs)
        if len(a) < 2 or len(b) < 2:
            raise GraphError(
                f"{cls.name}: rank_c2: both operands must have at least rank 2, got {lhs} and {rhs}"
            )
        check_operand_dtypes(cls.name, lhs, rhs)
        check_dtype(cls, element_type_of(lhs))
        m, k = a[:-3:-1] if "transpose_a" in properties else a[-2:]
        inner, n = b[:-3:-1] if "transpose_b" in properties else b[-2:]
        if k != inner and DYNAMIC_INDEX not in (k, inner):
            raise GraphError(
                f"{cls.name}: inner_c1: inner extents {k} and {inner} differ, for {lhs} and {rhs}"
            )
        result = tensor_type(element_type_of(lhs), (*batch_of(cls.name, a[:-2], b[:-2]), m, n))
        check_tensor(cls.name, result, "the result")
        return [result]

    @classmethod
    def of(cls, *args: Operand, **properties: Attribute) -> Tensor:
        """Emits the product; a vector is used as the row or the column that fits, and the result drops its axis."""
        a, b = (Tensor(v) for v in as_values(args, cls.name))
        for x, option in ((a, "transpose_a"), (b, "transpose_b")):
            if x.ndim == 0 or (x.ndim == 1 and option in properties):
                what = "a vector has no transpose" if x.ndim else "a scalar is no matrix: use multiply"
                raise GraphError(f"{cls.name}: rank_c2: {what}, got {a.type} and {b.type}")
        matrices = (
            ExpandDims.at(a, [0]) if a.ndim == 1 else a,
            ExpandDims.at(b, [1]) if b.ndim == 1 else b,
        )
        product = super().of(*matrices, **properties)
        left_out = [product.ndim - 2] * (a.ndim == 1) + [product.ndim - 1] * (b.ndim == 1)
        return Squeeze.at(product, left_out)

    @classmethod
    def product(cls, a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
        """Emits `a @ b`, each operand transposed if asked."""
        return cls.of(a, b, **flag(transpose_a, "transpose_a"), **flag(transpose_b, "transpose_b"))

    @property
    def transposes(self) -> tuple[bool, bool]:
        return "transpose_a" in self.properties, "transpose_b" in self.properties

    def iteration_shape(self, result: int = 0) -> tuple[int, ...]:
        """(…, m, n, k)."""
        return (*shape_of_type(self.result_types[0]), self.shape_of(0)[-2 if self.transposes[0] else -1])

    def access(self, number: int, result: int = 0) -> AccessMap:
        shape, space = self.shape_of(number), self.iteration_shape()
        *batch, m, n, k = dims(space)
        matrix = ((m, k), (k, n))[number]
        position = (*batch, *(reversed(matrix) if self.transposes[number] else matrix))
        return StoredAccess(AffineAccess(trailing(position, shape, len(space)), shape, space))

    def numpy(self, *operands: Array) -> Any:
        a, b = (x.swapaxes(-1, -2) if t else x for x, t in zip(operands, self.transposes, strict=True))
        return multiplied(a, b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, b = (Tensor(v) for v in self._operands)
        da, db = self._terms(conj(a), conj(b), dy)
        return summed_to(da, a), summed_to(db, b)

    def _terms(self, a: Tensor, b: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
        """Computes both gradients, for each pair of matrices of the batch."""
        product = MatMul.product
        match self.transposes:
            case False, False:
                return product(dy, b, False, True), product(*_rows(a, dy, b), True, False)
            case False, True:
                return product(dy, b), product(*_rows(dy, a, b), True, False)
            case True, False:
                return product(b, dy, False, True), product(a, dy)
            case _:
                return product(b, dy, True, True), product(dy, a, True, True)


def _rows(a: Tensor, b: Tensor, single: Tensor) -> tuple[Tensor, Tensor]:
    """Merges two batches, whose products a^T @ b are summed, to single matrices: all rows one below the other.

    Unchanged where the sum is not over the whole batch, that of a `single` matrix, or their extents are not known.
    """
    batch = a.extents[:-2]
    if single.ndim > 2 or not batch or batch != b.extents[:-2]:
        return a, b
    leading = a.extents[:-1]
    count = DYNAMIC_INDEX if DYNAMIC_INDEX in leading else math.prod(leading)
    shapes = [(count, x.extents[-1]) for x in (a, b)]
    if any(s.count(DYNAMIC_INDEX) > 1 or (0 in s and DYNAMIC_INDEX in s) for s in shapes):
        return a, b
    return Reshape.to(a, shapes[0]), Reshape.to(b, shapes[1])


def summed_to(term: Tensor, operand: Tensor) -> Tensor:
    """Sums a gradient over the axes of the batch along which its operand was broadcast."""
    batch = operand.extents[:-2]
    if term.extents[:-2] == batch and DYNAMIC_INDEX not in batch:
        return term
    return SumTo.like(term, operand)


def batch_of(op: str, a: Shape, b: Shape) -> Shape:
    """Broadcasts the leading (batch) axes of two tensors of matrices."""
    try:
        return broadcast_shapes(a, b)
    except GraphError:
        raise GraphError(
            f"{op}: batch_c1: leading axes must broadcast, got {format_shape(a)} and {format_shape(b)}"
        ) from None


def adjoint(x: Tensor) -> Tensor:
    """Emits the adjoint of each matrix: transposed and conjugated."""
    return conj(Transpose.matrices(x))
