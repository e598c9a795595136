"""Matrix products."""

from __future__ import annotations

from pullback.dialects.graph.linalg import MatMul
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.emit import named_as, tensors

__all__ = ["matmul"]


def matmul(
    a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None
) -> Tensor:
    """The product of matrices: (…, m, k) @ (…, k, n) -> (…, m, n), where leading axes broadcast.

    Args:
        a: matrices, or a vector (k,), which stands for one row.
        b: matrices, or a vector (k,), which stands for one column.
        transpose_a: take each matrix of `a` transposed.
        transpose_b: take each matrix of `b` transposed.
        name: of the operation.

    Returns:
        The products, without the axis of the row or the column that a vector stood for.

    Raises:
        ValueError: for scalars, and for shapes or dtypes that do not fit each other.
    """
    lhs, rhs = tensors(a, b, op=MatMul.name)
    return named_as(name, lambda: MatMul.product(lhs, rhs, transpose_a, transpose_b))
