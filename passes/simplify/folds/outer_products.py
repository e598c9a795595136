"""Folds products of one term to multiplications, which other operations fuse with.

    %g = graph.matmul %x, %dy {transpose_a} : 1x784 and 1x512      %c = graph.reshape %x : 784x1
    %u = graph.subtract %w, %g                                ->   %g = graph.multiply %c, %dy
                                                                   %u = graph.subtract %w, %g

A kernel of such a product would go through its result block by block, a few elements of many rows, for the sake of sums
that there are none of. Gradients of layers for a single example, and of products of a matrix and a vector, are these.
"""

from __future__ import annotations

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static
from pullback.passes.simplify.matching import Folded, folds


@folds(MatMul)
def product_of_one_term(op: MatMul) -> Folded:
    """A product of columns and rows, whose inner extent is 1, is their product with broadcasting."""
    if op.iteration_shape()[-1] != 1 or not all(map(is_static, op.operand_types)):
        return None
    a, b = (Tensor(v) for v in op.operands)
    transpose_a, transpose_b = op.transposes
    *batch, _, rows = a.extents
    column = Reshape.to(a, [*batch, rows, 1]) if transpose_a else a
    *batch, columns, _ = b.extents
    row = Reshape.to(b, [*batch, 1, columns]) if transpose_b else b
    return column * row
