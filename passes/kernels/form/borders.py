"""Borders of zeros around what contractions read: they are told, so that loops need not add the products of these.

%p = graph.mosaic %x, %zeros, …                    %x with a border, as convolutions with padding read it
%y = graph.contract %p, %f {nonzero = [0, 32, 1, 33, 1, 33, 0, 8], …}
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.ir import SSAValue

from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.movement.mosaic import Mosaic
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.indexed import Uniform
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.operations_within import operations_within


def state_borders(function: func.FuncOp) -> None:
    """States for each contraction of a function where its first operand may be other than 0, if not everywhere."""
    for op in operations_within(function):
        if isinstance(op, Contract) and (box := _nonzero(op.operands[0])) is not None:
            op.properties["nonzero"] = integers([end for ends in box for end in ends])


def _nonzero(value: SSAValue) -> list[tuple[int, int]] | None:
    """The first index and the end along each axis between which a mosaic, perhaps in another shape, has no zeros."""
    shape = shape_of_type(value.type)
    if isinstance(value.owner, Reshape):
        value = value.owner.operands[0]
    mosaic = value.owner
    if not isinstance(mosaic, Mosaic):
        return None
    boxes = [mosaic.slices(n) for n, piece in enumerate(mosaic.operands) if not is_zero(piece)]
    if not boxes or len(boxes) == len(mosaic.operands):
        return None
    around = [(min(s.start for s in along), max(s.stop for s in along)) for along in zip(*boxes, strict=True)]
    whole = shape_of_type(value.type)
    # A reshape splits the last axes, which no border is around.
    same = next((n for n, (a, b) in enumerate(zip(shape, whole, strict=False)) if a != b), len(whole))
    if any(ends != (0, extent) for ends, extent in zip(around[same:], whole[same:], strict=True)):
        return None
    return [*around[:same], *((0, extent) for extent in shape[same:])]


def is_zero(piece: SSAValue) -> bool:
    """Tells whether all elements of a value are the number 0."""
    return isinstance(piece.owner, Uniform) and piece.owner.element() == 0
