"""Folds transposes of operands, and of results, into the flags of a matrix product."""

from __future__ import annotations

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.simplify.matching import Folded, folds, producer


@folds(MatMul)
def transposed_operands(op: MatMul) -> Folded:
    """A product of transposed matrices is one with the flag `transpose_a` or `transpose_b`.

    Of a transpose that exchanges other axes as well, these are left, and rows stay rows: it copies them whole.
    """
    sources = [_of_transposed_matrices(Tensor(v)) for v in op.operands]
    if sources == [None, None]:
        return None
    a, b = (Tensor(v) if s is None else s for v, s in zip(op.operands, sources, strict=True))
    transpose_a, transpose_b = (t != (s is not None) for t, s in zip(op.transposes, sources, strict=True))
    return MatMul.product(a, b, transpose_a, transpose_b)


@folds(Transpose)
def transposed_product(op: Transpose) -> Folded:
    """A transpose of a product that nothing else needs is that of the transposed operands, the other way round."""
    x = Tensor(op.operands[0])
    product = producer(x, MatMul)
    if product is None or not x.value.has_one_use() or x.ndim < 2 or op.order[-1] != x.ndim - 2:
        return None
    a, b = (Tensor(v) for v in product.operands)
    if a.ndim != b.ndim:
        return None
    transpose_a, transpose_b = product.transposes
    turned = MatMul.product(b, a, not transpose_b, not transpose_a)
    rows, columns = x.ndim - 2, x.ndim - 1
    return Transpose.ordered(turned, [{rows: columns, columns: rows}.get(axis, axis) for axis in op.order])


def _of_transposed_matrices(x: Tensor) -> Tensor | None:
    """What a transpose makes columns of that lie side by side, with its rows as rows; `None` for anything else."""
    transpose = producer(x, Transpose)
    if transpose is None or x.ndim < 2 or transpose.order[-2] != x.ndim - 1:
        return None
    *batch, rows, columns = transpose.order
    return Transpose.ordered(Tensor(transpose.operands[0]), [*batch, columns, rows])
