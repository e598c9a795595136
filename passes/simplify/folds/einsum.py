"""Folds an `einsum` of one operand that sums over nothing to the operand, or to a transpose."""

from __future__ import annotations

from pullback.dialects.graph.linear_algebra.einsum import Einsum
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.simplify.matching import Folded, folds


@folds(Einsum)
def order_of_axes(op: Einsum) -> Folded:
    """An einsum of one operand, without a label that is summed over or repeated, is a transpose."""
    equation = op.stated
    if len(op.operands) > 1:
        return None
    (term,) = equation.terms
    if len(set(term)) < len(term) or sorted(term) != sorted(equation.result):
        return None
    x = Tensor(op.operands[0])
    order = [term.index(label) for label in equation.result]
    return Transpose.ordered(x, order)
