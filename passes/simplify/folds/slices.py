"""Folds indexed slices, stacks and gates that are taken apart where they were just made."""

from __future__ import annotations

from pullback.dialects.graph.by_index.gather import (
    ConcatSlices,
    Densify,
    MakeSlices,
    SliceIndices,
    SliceValues,
)
from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.state.stacks import Pop, Push
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, folds, full_like, producer, same_type


@folds(SliceValues, SliceIndices)
def parts_of_slices(op: SliceValues | SliceIndices) -> Folded:
    """The rows or indices of slices just made are what they were made from."""
    made = producer(Tensor(op.operands[0]), MakeSlices)
    if made is None:
        return None
    part = made.operands[0 if isinstance(op, SliceValues) else 1]
    return Tensor(part) if same_type(part.type, op.results[0].type) else None


@folds(MakeSlices)
def known_dense_shape(op: MakeSlices) -> Folded:
    """Drops the shape operand of slices whose dense type is static."""
    result = op.results[0].type
    assert isinstance(result, SlicesType)
    if len(op.operands) < 3 or not is_static(result.data_type):
        return None
    return MakeSlices.emit_as(op.operands[:2], result)


@folds(Densify)
def densify_nothing(op: Densify) -> Folded:
    """Slices without rows are zeros."""
    type_ = op.operands[0].type
    if not _is_empty(type_) or not is_static(op.results[0].type):
        return None
    return full_like(0, op.results[0].type)


@folds(ConcatSlices)
def fewer_slices(op: ConcatSlices) -> Folded:
    """Drops slices without rows from a concatenation; one that is left is the whole."""
    terms = [Tensor(v) for v in op.operands if not _is_empty(v.type)] or [Tensor(op.operands[0])]
    if len(terms) == 1:
        return terms[0] if same_type(terms[0].type, op.results[0].type) else None
    return ConcatSlices.of(*terms) if len(terms) < len(op.operands) else None


def _is_empty(type_: object) -> bool:
    return isinstance(type_, SlicesType) and shape_of_type(type_.indices_type)[0] == 0


@folds(Pop)
def pop_of_push(op: Pop) -> Folded:
    """A pop of a push is the value pushed, and the stack before."""
    pushed = producer(Tensor(op.operands[0]), Push)
    if pushed is None or not same_type(pushed.operands[1].type, op.results[1].type):
        return None
    return [Tensor(v) for v in pushed.operands]


@folds(Gate)
def gate_of_one(op: Gate) -> Folded:
    """A gate of one value is the value."""
    return Tensor(op.operands[0]) if len(op.operands) == 1 else None
