"""Folds sums over rows of a product with a matrix: the gradient of attention's softmax needs no pass over its matrix.

    %o = graph.matmul %p, %v                                  %o = graph.matmul %p, %v
    %d = graph.matmul %g, %v {transpose_b}                    %d = …
    %m = graph.multiply %d, %p                           ->   %m = graph.multiply %g, %o
    %s = graph.sum %m {axes = [last]}                         %s = graph.sum %m {axes = [last]}

Both are the sum of g[i, c] * p[i, j] * v[j, c] over j and c.
"""

from __future__ import annotations

from xdsl.ir import Operation

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.basic import Multiply
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static
from pullback.passes.simplify.matching import Folded, folds, producer


@folds(Sum)
def row_sums_of_products(op: Sum) -> Folded:
    """A sum over rows of g @ v^T times p is one over those of g times p @ v, which is there, and has fewer columns."""
    product = producer(op.x, Multiply)
    if product is None or [*op.reduced] != [op.x.ndim - 1] or not is_static(op.x.type):
        return None
    for at in (0, 1):
        matrix, other = Tensor(product.operands[at]), Tensor(product.operands[1 - at])
        factor = producer(matrix, MatMul)
        if factor is None or matrix.type != other.type or factor.transposes[0]:
            continue
        rows, columns = (Tensor(v) for v in factor.operands)
        made = _product_before(op, other, columns, not factor.transposes[1])
        if made is not None and made.type == rows.type and made.extents[-1] < matrix.extents[-1]:
            return Sum.of(rows * made, **op.properties)
    return None


def _product_before(op: Operation, a: Tensor, b: Tensor, transpose_b: bool) -> Tensor | None:
    """The product of two tensors that comes before an operation in its block."""
    for use in a.value.uses:
        user = use.operation
        if not isinstance(user, MatMul) or user is op or user.parent is not op.parent:
            continue
        if (
            user.operands[0] is a.value
            and user.operands[1] is b.value
            and user.transposes == (False, transpose_b)
        ):
            return Tensor(user.results[0]) if user.is_before_in_block(op) else None
    return None
