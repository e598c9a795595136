"""Families of operations on matrices by the algorithm that computes them: lowerings know these, and no operation."""

from __future__ import annotations

from pullback.dialects.graph.op.graph_op import GraphOp


class BySubstitution(GraphOp):
    """A solver of A @ X = B, or A^H @ X = B, for triangular matrices A: its operands; leading axes broadcast.

    A zero on the diagonal is an error at run time.
    """

    @property
    def is_adjoint(self) -> bool:
        """Whether the equation is that of A^H."""
        raise NotImplementedError

    @property
    def is_forward(self) -> bool:
        """Whether the matrix of the equation is a lower triangle, so that the first row is solved first."""
        raise NotImplementedError


class ByElimination(GraphOp):
    """A solver of A @ X = B, or A^H @ X = B, for square matrices A; without operand B, of A @ X = I, the inverse.

    A singular matrix is an error at run time.
    """

    @property
    def is_adjoint(self) -> bool:
        """Whether the equation is that of A^H."""
        return False


class OfDeterminants(GraphOp):
    """The determinants of square matrices."""


class OfLogDeterminants(GraphOp):
    """The signs of the determinants of square matrices, and the logarithms of their absolute values."""


class OfCofactors(GraphOp):
    """The matrices of the cofactors of square matrices, also of singular ones."""


class ByReflections(GraphOp):
    """The QR factors of matrices, Q and R, with signs as LAPACK has them."""


class ByCholesky(GraphOp):
    """The lower triangular factors of positive definite matrices, of which the lower triangles are read.

    A matrix that is not positive definite is an error at run time.
    """
