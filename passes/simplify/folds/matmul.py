"""Folds transposes of operands into the flags of a matrix product."""

from __future__ import annotations

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.simplify.matching import Folded, folds, producer


@folds(MatMul)
def transposed_operands(op: MatMul) -> Folded:
    """A product of transposed matrices is one with the flag `transpose_a` or `transpose_b`."""
    sources = [_of_transposed_matrices(Tensor(v)) for v in op.operands]
    if sources == [None, None]:
        return None
    a, b = (Tensor(v) if s is None else s for v, s in zip(op.operands, sources, strict=True))
    transpose_a, transpose_b = (t != (s is not None) for t, s in zip(op.transposes, sources, strict=True))
    return MatMul.product(a, b, transpose_a, transpose_b)


def _of_transposed_matrices(x: Tensor) -> Tensor | None:
    """The operand of a transpose of the last two axes; `None` for anything else."""
    transpose = producer(x, Transpose)
    if transpose is None:
        return None
    *batch, rows, columns = range(x.ndim)
    return Tensor(transpose.operands[0]) if transpose.order == [*batch, columns, rows] else None
