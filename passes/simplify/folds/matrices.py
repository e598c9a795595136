"""Folds bands that keep the whole matrix, bands of bands, and the diagonal of a diagonal matrix."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr

from pullback.dialects.graph.linear_algebra.matrices import (
    MatrixBandPart,
    MatrixDiag,
    MatrixDiagPart,
)
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static
from pullback.passes.simplify.matching import Folded, folds, producer, same_type


@folds(MatrixBandPart)
def whole_band(op: MatrixBandPart) -> Folded:
    """A band as wide as the matrix is the matrix."""
    x = Tensor(op.operands[0])
    rows, columns = x.extents[-2:]
    if op.lower is None and op.upper is None:
        return x
    if not is_static(x.type):
        return None
    lower, upper = op.limits(rows, columns)
    return x if lower >= rows - 1 and upper >= columns - 1 else None


@folds(MatrixBandPart)
def band_of_band(op: MatrixBandPart) -> Folded:
    """A band of a band is one band, the narrower on each side."""
    inner = producer(Tensor(op.operands[0]), MatrixBandPart)
    if inner is None:
        return None
    lower, upper = (
        min((a.value.data for a in limits if isinstance(a, IntegerAttr)), default=None)
        for limits in ((op.lower, inner.lower), (op.upper, inner.upper))
    )
    return MatrixBandPart.within(Tensor(inner.operands[0]), lower, upper)


@folds(MatrixDiagPart)
def diagonal_of_diagonal(op: MatrixDiagPart) -> Folded:
    """The diagonal of a matrix just made of a diagonal is that diagonal."""
    made = producer(Tensor(op.operands[0]), MatrixDiag)
    if made is None or made.offset != op.offset or not same_type(made.operands[0].type, op.results[0].type):
        return None
    return Tensor(made.operands[0])
