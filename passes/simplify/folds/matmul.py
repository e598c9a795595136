"""Transposes that a matrix product takes over."""

from __future__ import annotations

from pullback.dialects.graph.linalg import MatMul
from pullback.dialects.graph.shapes import Transpose
from pullback.dialects.graph.value import Tensor
from pullback.passes.simplify.matching import Folded, folds, producer


@folds(MatMul)
def transposed_operands(op: MatMul) -> Folded:
    """A transposed operand is a flag."""
    sources = [producer(Tensor(v), Transpose) for v in op.operands]
    if not any(s is not None and s.order == [1, 0] for s in sources):
        return None
    operands = [Tensor(v) for v in op.operands]
    flags = list(op.transposes)
    for i, source in enumerate(sources):
        if source is not None and source.order == [1, 0]:
            operands[i] = Tensor(source.operands[0])
            flags[i] = not flags[i]
    (a, b), (transpose_a, transpose_b) = operands, flags
    return MatMul.product(a, b, transpose_a, transpose_b)
