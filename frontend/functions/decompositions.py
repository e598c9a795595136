"""Decompositions of matrices (…, m, n), eigenvalues, QR and singular values, and functions made of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, i64

from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.linear_algebra.decompositions import Eigh, PseudoInverse, Qr, Svd
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.accumulators import widened
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, numpy_dtype
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import is_real_number
from pullback.frontend.operands.convert import as_tensor

__all__ = ["eigh", "eigvalsh", "matrix_rank", "pinv", "qr", "svd", "svdvals"]


class EighResult(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """The result of `qr`."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """The result of `svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def eigh(x: Operand, name: str | None = None) -> EighResult:
    """The eigenvalues of Hermitian matrices, which ascend, and orthonormal eigenvectors.

    The gradient is one of the lower triangle. That of vectors holds where values are distinct, and for what does not
    depend on the signs of vectors, or on the phases of complex ones.

    Args:
        x: matrices (…, n, n), of which the lower triangles are read.
        name: of the operation.

    Returns:
        `eigenvalues` (…, n), which are real, and `eigenvectors` (…, n, n), as columns.

    Raises:
        ValueError: for matrices that are not square.
    """
    return EighResult(*_results(Eigh, as_tensor(x, "eigh"), name))


def eigvalsh(x: Operand, name: str | None = None) -> Tensor:
    """The eigenvalues of Hermitian matrices, of which the lower triangles are read: see `eigh`."""
    return EighResult(*_results(Eigh, as_tensor(x, "eigvalsh"), name)).eigenvalues


def qr(x: Operand, mode: str = "reduced", name: str | None = None) -> QRResult:
    """The products of orthonormal columns and upper triangular matrices.

    The gradient needs the first k = min(m, n) columns of a matrix to be independent, and extents that are known.

    Args:
        x: matrices (…, m, n).
        mode: `"reduced"`: there are no more columns than are needed.
        name: of the operation.

    Returns:
        `Q` (…, m, k) and `R` (…, k, n), whose diagonal is real and of either sign.

    Raises:
        ValueError: for fewer than two axes, and for another mode.
    """
    if mode != "reduced":
        raise GraphError(f"qr: mode: expected 'reduced', got {mode!r}")
    return QRResult(*_results(Qr, as_tensor(x, "qr"), name))


def svd(x: Operand, full_matrices: bool = False, name: str | None = None) -> SVDResult:
    """The singular value decomposition x = U @ diag(S) @ Vh, with orthonormal columns of U and rows of Vh.

    The gradient of vectors holds where singular values are distinct and not 0, and for what does not depend on the
    common sign of a column of U and its row of Vh, or on their common phase.

    Args:
        x: matrices (…, m, n).
        full_matrices: `False`: there are no more vectors than singular values.
        name: of the operation.

    Returns:
        `U` (…, m, k), `S` (…, k), which are real and descend, and `Vh` (…, k, n), where k is min(m, n).

    Raises:
        ValueError: for fewer than two axes, for full matrices, and when run for matrices that hold NaN.
    """
    if full_matrices is not False:
        raise GraphError(f"svd: full_matrices: expected False, got {full_matrices!r}")
    return SVDResult(*_results(Svd, as_tensor(x, "svd"), name))


def svdvals(x: Operand, name: str | None = None) -> Tensor:
    """The singular values of matrices, (…, m, n) -> (…, min(m, n)), which descend: see `svd`."""
    return SVDResult(*_results(Svd, as_tensor(x, "svdvals"), name)).S


def matrix_rank(x: Operand, rtol: float | None = None, name: str | None = None) -> Tensor:
    """The ranks of matrices, (…, m, n) -> (…): the number of singular values larger than `rtol` times the largest, i64.

    Args:
        x: matrices.
        rtol: without it, max(m, n) times the distance from 1 to the next number of the dtype.
        name: of the last operation.

    Raises:
        ValueError: for fewer than two axes, a negative `rtol`, or none where extents are not known.
    """
    value, given = as_tensor(x, "matrix_rank"), _tolerance(rtol, "matrix_rank")
    singular = svdvals(value)
    rows, columns = value.extents[-2:]
    if given is None:
        if DYNAMIC_INDEX in (rows, columns):
            raise GraphError(
                f"matrix_rank: rtol: expected a number, since extents are not known: {value.type}"
            )
        dtype = widened(np.empty(0, numpy_dtype(value.element_type))).dtype
        given = float(max(rows, columns) * np.finfo(dtype).eps)
    if 0 in (rows, columns):  # there is no largest of none
        return named_as(name, lambda: Sum.over(Cast.to(singular, i64), -1))
    limit = Max.over(singular, -1, keepdims=True) * given
    return named_as(name, lambda: Sum.over(Cast.to(singular > limit, i64), -1))


def pinv(x: Operand, rtol: float | None = None, name: str | None = None) -> Tensor:
    """The pseudo-inverses of Moore and Penrose, (…, m, n) -> (…, n, m).

    The gradient holds where the rank stays, and all singular values that count as 0 are nearly 0.

    Args:
        x: matrices.
        rtol: singular values of at most this times the largest count as 0; without it, max(m, n) times the distance
            from 1 to the next number of the dtype.
        name: of the operation.

    Raises:
        ValueError: for fewer than two axes, a negative `rtol`, and when run for matrices that hold NaN.
    """
    value, given = as_tensor(x, "pinv"), _tolerance(rtol, "pinv")
    return named_as(name, lambda: PseudoInverse.within(value, given))


def _results(op: type[GraphOp], x: Tensor, name: str | None) -> list[Tensor]:
    """All results of an operation on one tensor."""
    first = named_as(name, lambda: Tensor(op.emit([x.value]).results[0]))
    return [Tensor(r) for r in first.op.results]


def _tolerance(rtol: object, what: str) -> float | None:
    if rtol is None:
        return None
    if not is_real_number(rtol):
        raise ArgumentTypeError(f"{what}: rtol: expected a number, got {rtol!r}")
    if not rtol >= 0:
        raise GraphError(f"{what}: rtol: expected a number that is not negative, got {rtol!r}")
    return float(rtol)
