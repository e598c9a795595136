"""Folds `split`, `concat` and slices of them."""

from __future__ import annotations

from itertools import pairwise

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import OpResult

from pullback.dialects.graph.movement.slicing import StridedSlice, along
from pullback.dialects.graph.movement.split_concat import Concat, Split, SplitLike
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, folds, producer, same_type


@folds(Concat)
def concat_of_one(op: Concat) -> Folded:
    """A concatenation of one tensor is that tensor."""
    return Tensor(op.operands[0]) if len(op.operands) == 1 else None


@folds(Concat)
def empty_pieces(op: Concat) -> Folded:
    """Drops pieces without elements from a concatenation."""
    pieces = [Tensor(v) for v in op.operands if shape_of_type(v.type)[_axis(op)] != 0]
    return Concat.of(*pieces, axis=op.axis) if 0 < len(pieces) < len(op.operands) else None


@folds(Concat)
def concat_of_concat(op: Concat) -> Folded:
    """A concatenation of concatenations along the same axis is one."""
    inner = [producer(Tensor(v), Concat) for v in op.operands]
    if not any(c is not None and c.axis == op.axis for c in inner):
        return None
    pieces = [
        list(c.operands) if c is not None and c.axis == op.axis else [v]
        for v, c in zip(op.operands, inner, strict=True)
    ]
    return Concat.of(*(Tensor(v) for part in pieces for v in part), axis=op.axis)


@folds(Concat)
def concat_of_split(op: Concat) -> Folded:
    """A concatenation of all pieces of a split, in order, is the operand."""
    first = op.operands[0]
    if not isinstance(first, OpResult) or not isinstance(cut := first.op, Split):
        return None
    return Tensor(cut.operands[0]) if cut.axis == op.axis and [*op.operands] == [*cut.results] else None


@folds(Concat)
def consecutive_slices(op: Concat) -> Folded:
    """A concatenation of consecutive slices of one tensor is one slice."""
    axis = _axis(op)
    slices = [producer(Tensor(v), StridedSlice) for v in op.operands]
    known = [s for s in slices if s is not None and is_static(s.operands[0].type)]
    if len(known) < len(slices) or len({s.operands[0] for s in known}) > 1:
        return None
    x = Tensor(known[0].operands[0])
    taken = [[range(n)[part] for n, part in zip(x.extents, s.slices, strict=True)] for s in known]
    lines = [ranges[axis] for ranges in taken]
    beside = {(*ranges[:axis], *ranges[axis + 1 :]) for ranges in taken}
    joined = range(lines[0].start, lines[-1].stop)
    if (
        len(beside) > 1
        or any(line.step != 1 for line in lines)
        or any(a.stop != b.start for a, b in pairwise(lines))
    ):
        return None
    part = list(known[0].slices)
    part[axis] = slice(joined.start, joined.stop)
    return StridedSlice.at(x, part)


def _axis(op: Concat) -> int:
    assert isinstance(op.axis, IntegerAttr)
    return op.axis.value.data


@folds(StridedSlice)
def slice_of_concat(op: StridedSlice) -> Folded:
    """A slice within one piece of a concatenation is a slice of that piece."""
    joined = producer(Tensor(op.operands[0]), Concat)
    if joined is None or not all(is_static(v.type) for v in joined.operands):
        return None
    axis = _axis(joined)
    extents = shape_of_type(op.operands[0].type)
    taken = range(extents[axis])[op.slices[axis]]
    begin = 0
    for piece in map(Tensor, joined.operands):
        end = begin + piece.extents[axis]
        if taken and begin <= min(taken[0], taken[-1]) and max(taken[0], taken[-1]) < end:
            stop = taken.stop - begin
            part = along(piece, axis, slice(taken.start - begin, None if stop < 0 else stop, taken.step))
            rest = [own if a != axis else part[axis] for a, own in enumerate(op.slices)]
            return StridedSlice.at(piece, rest)
        begin = end
    return None


@folds(SplitLike)
def split_at_known_places(op: SplitLike) -> Folded:
    """A split at known positions is one slice per piece."""
    assert isinstance(op.axis, IntegerAttr)
    axis = op.axis.value.data
    if not all(is_static(v.type) for v in op.operands):
        return None
    sizes = [shape_of_type(r.type)[axis] for r in op.results]
    made = Split.emit([op.operands[0]], {"axis": op.axis, "sizes": integers(sizes)})
    return [Tensor(r) for r in made.results]


@folds(Split)
def split_of_concat(op: Split) -> Folded:
    """A split of a concatenation of the same pieces is those pieces; a split into one is the operand."""
    x = Tensor(op.operands[0])
    types = [r.type for r in op.results]
    if len(types) == 1 and same_type(types[0], x.type):
        return x
    joined = producer(x, Concat)
    if joined is None or joined.axis != op.axis or len(joined.operands) != len(types):
        return None
    if not all(is_static(t) and same_type(v.type, t) for v, t in zip(joined.operands, types, strict=True)):
        return None
    return [Tensor(v) for v in joined.operands]
