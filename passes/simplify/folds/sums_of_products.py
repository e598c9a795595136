"""Folds sums of products whose factors were summed up before: those of gradients need no pass over a matrix.

Attention's softmax:

    %o = graph.matmul %p, %v                                  %o = graph.matmul %p, %v
    %d = graph.matmul %g, %v {transpose_b}                    %d = …
    %m = graph.multiply %d, %p                           ->   %m = graph.multiply %g, %o
    %s = graph.sum %m {axes = [last]}                         %s = graph.sum %m {axes = [last]}

Both are the sum of g[i, c] * p[i, j] * v[j, c] over j and c. A logarithm of a sum of exponentials less the largest:

    %e = graph.exp %d              : of x - max(x)            %e = …
    %s = graph.sum %e {axes = [0]}                            %s = graph.sum %e {axes = [0]}
    %m = graph.multiply %w, %e      : 7 and 9x7          ->   %t = graph.multiply %s, %w
    %t = graph.sum %m {axes = [0]}
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Operation

from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.elementwise.basic import Multiply, Negative, Subtract
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
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


@folds(Sum)
def sum_of_multiples(op: Sum) -> Folded:
    """A sum of multiples of exponentials by one factor is that multiple of their sum, where that sum is there.

    The exponentials are those of differences to the largest, so that their sum is from 1 to how many they are. The sum
    of others may overflow, or vanish, where that of their multiples does not.
    """
    negative = producer(op.x, Negative)
    product = producer(op.x if negative is None else negative.x, Multiply)
    if product is None or op.x.element_type not in (f32, f64) or not is_static(op.x.type):
        return None
    for at in (0, 1):
        factor, x = Tensor(product.operands[at]), Tensor(product.operands[1 - at])
        shape = (1,) * (op.x.ndim - factor.ndim) + factor.extents
        if (
            x.type != op.x.type
            or any(shape[a] != 1 for a in op.reduced)
            or not _is_at_most_one(x, op.reduced)
        ):
            continue
        made = _sum_before(op, x)
        if made is not None:
            kept = [n for a, n in enumerate(shape) if op.keeps_dims or a not in op.reduced]
            total = Reshape.to(made, shape_of_type(op.results[0].type)) * Reshape.to(factor, kept)
            return total if negative is None else -total
    return None


def _is_at_most_one(x: Tensor, axes: Sequence[int]) -> bool:
    """Tells whether these are exponentials of differences to the largest along some axes."""
    exponential = producer(x, Exp)
    difference = None if exponential is None else producer(exponential.x, Subtract)
    if difference is None:
        return False
    of, largest = (Tensor(v) for v in difference.operands)
    aligned = (1,) * (of.ndim - largest.ndim) + largest.extents
    view = producer(largest, Reshape) or producer(largest, ExpandDims)
    maximum = producer(largest if view is None else Tensor(view.operands[0]), Max)
    if maximum is None or maximum.x.value is not of.value or [*maximum.reduced] != [*axes]:
        return False
    return aligned == tuple(1 if a in axes else n for a, n in enumerate(of.extents))


def _sum_before(op: Sum, x: Tensor) -> Tensor | None:
    """The sum of a tensor over the axes of another sum that comes later in its block."""
    for use in x.value.uses:
        user = use.operation
        if not isinstance(user, Sum) or user is op or user.parent is not op.parent:
            continue
        if [*user.reduced] == [*op.reduced] and user.is_before_in_block(op):
            return Tensor(user.results[0])
    return None
