"""Sums of products that are sums of nothing: the operand itself, or its axes in another order."""

from __future__ import annotations

from pullback.dialects.graph.linear_algebra.einsum import Einsum
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.simplify.matching import Folded, folds


@folds(Einsum)
def order_of_axes(op: Einsum) -> Folded:
    """One operand, none of whose labels is summed over or there twice."""
    equation = op.stated
    if len(op.operands) > 1:
        return None
    (term,) = equation.terms
    if len(set(term)) < len(term) or sorted(term) != sorted(equation.result):
        return None
    x = Tensor(op.operands[0])
    order = [term.index(label) for label in equation.result]
    return Transpose.ordered(x, order)
