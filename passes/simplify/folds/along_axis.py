"""Folds scans and arg-extrema along an axis of one element."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.arg_extrema import Position
from pullback.dialects.graph.along_axes.scans import Scan
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, family, folds, full_like


@folds(family(Scan))
def scan_of_one(op: Scan) -> Folded:
    """A scan over one element is that element, or the neutral one if it is exclusive."""
    if not _has_one(op, op.at):
        return None
    if op.is_exclusive:
        return full_like(op.FIRST, op.y.type) if is_static(op.y.type) else None
    return Tensor(op.operands[-1])


@folds(family(Position))
def position_of_one(op: Position) -> Folded:
    """The position of an extremum of one element is 0."""
    result = op.results[0].type
    return full_like(0, result) if _has_one(op, op.at) and is_static(result) else None


def _has_one(op: GraphOp, axis: int) -> bool:
    return shape_of_type(op.operands[0].type)[axis] == 1
