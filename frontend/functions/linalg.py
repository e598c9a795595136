"""Matrix products."""

from __future__ import annotations

from pullback.dialects.graph.linalg import MatMul
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.emit import named_as, tensors

__all__ = ["matmul"]


def matmul(
    a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None
) -> Tensor:
    """The product of two matrices, either of which may be taken transposed: (m, k) @ (k, n) -> (m, n)."""
    lhs, rhs = tensors(a, b, op=MatMul.name)
    return named_as(name, lambda: MatMul.product(lhs, rhs, transpose_a, transpose_b))
