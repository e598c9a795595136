"""Folds reshapes of the pieces of a `split`, and of those of a `concat`: one reshape of the whole, which costs nothing.

    %q, %k = graph.split %x {axis = 1, sizes = [6, 6]}       %w = graph.reshape %x : 5x12 -> 5x4x3
    %a = graph.reshape %q : 5x6 -> 5x2x3                ->   %a, %k' = graph.split %w {axis = 1, sizes = [2, 2]}

A piece is a view, but a reshape of it needs the piece in memory.
"""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import OpResult

from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.movement.split_concat import Concat, Split
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, folds, producer


@folds(Reshape)
def reshape_of_piece(op: Reshape) -> Folded:
    """A reshape that divides the axis of a split is the same piece of the divided whole."""
    x = Tensor(op.operands[0])
    cut = producer(x, Split)
    if cut is None or not is_static(cut.operands[0].type) or len(op.operands) > 1:
        return None
    assert isinstance(x.value, OpResult)
    assert isinstance(cut.axis, IntegerAttr)
    axis, whole = cut.axis.value.data, Tensor(cut.operands[0])
    inner = inner_extents(x.extents, shape_of_type(op.results[0].type), axis)
    sizes = [shape_of_type(piece.type)[axis] for piece in cut.results]
    if inner is None or any(size % prod(inner) for size in sizes):
        return None
    extents = whole.extents
    divided = Reshape.to(whole, (*extents[:axis], extents[axis] // prod(inner), *inner, *extents[axis + 1 :]))
    made = Split.emit(
        [divided.value], {"axis": cut.axis, "sizes": integers([n // prod(inner) for n in sizes])}
    )
    return Tensor(made.results[x.value.index])


@folds(Concat)
def concat_of_reshapes(op: Concat) -> Folded:
    """A concatenation of pieces that were reshaped alike, where they are put side by side, is a reshape of one."""
    assert isinstance(op.axis, IntegerAttr)
    axis, result = op.axis.value.data, op.results[0].type
    reshapes = [producer(Tensor(v), Reshape) for v in op.operands]
    pieces = [Tensor(r.operands[0]) for r in reshapes if r is not None and len(r.operands) == 1]
    if len(pieces) < len(op.operands) or not all(
        is_static(v.type) for v in (*op.operands, *(p.value for p in pieces))
    ):
        return None
    inner = {
        inner_extents(shape_of_type(v.type), p.extents, axis)
        for v, p in zip(op.operands, pieces, strict=True)
    }
    if len(inner) > 1 or None in inner:
        return None
    return Reshape.to(Concat.of(*pieces, axis=op.axis), shape_of_type(result))


def inner_extents(shape: tuple[int, ...], divided: tuple[int, ...], axis: int) -> tuple[int, ...] | None:
    """The extents behind the first one that an axis is divided into; `None` where anything else differs."""
    behind = len(shape) - axis - 1
    count = len(divided) - len(shape)
    if count < 1 or prod(divided) == 0 or shape[:axis] != divided[:axis]:
        return None
    if shape[axis + 1 :] != divided[len(divided) - behind :]:
        return None
    return divided[axis + 1 : axis + 1 + count]
