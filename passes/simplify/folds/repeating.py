"""Folds tiles, flips, rolls and pads that change nothing, and two that are one."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.repeating import Copies, Flip, Roll, SumOfCopies
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.padding import Mirroring, Pad, paddings_of
from pullback.dialects.graph.tensor.attributes import integer_list, integers, number_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, family, folds, full_like, producer, same_type


@folds(family(Copies, SumOfCopies))
def single_copies(op: Copies | SumOfCopies) -> Folded:
    """A tile of one copy along each axis is the operand."""
    counts = integer_list(op.properties, "counts")
    if any(c != 1 for c in counts) or not same_type(op.operands[0].type, op.results[0].type):
        return None
    return Tensor(op.operands[0])


@folds(family(Copies))
def copies_of_copies(op: Copies) -> Folded:
    """A tile of a tile is one tile, of the products of the counts."""
    inner = producer(Tensor(op.operands[0]), type(op))
    if inner is None:
        return None
    numbers = (integer_list(o.properties, "counts") for o in (op, inner))
    return type(op).make(Tensor(inner.operands[0]), [a * b for a, b in zip(*numbers, strict=True)])


# ---- another order --------------------------------------------------------------------------------------------


@folds(Flip)
def flipped_twice(op: Flip) -> Folded:
    """A flip of a flip cancels along their common axes; a flip of one element is nothing."""
    x, axes = Tensor(op.operands[0]), set(op.order)
    if (inner := producer(x, Flip)) is not None:
        x, axes = Tensor(inner.operands[0]), axes ^ set(inner.order)
    axes = {a for a in axes if x.extents[a] not in (0, 1)}
    return Flip.along(x, sorted(axes)) if inner is not None or axes != set(op.order) else None


@folds(Roll)
def rolled_twice(op: Roll) -> Folded:
    """A roll of a roll is one roll by the sum of the shifts, modulo the extents; a roll by 0 is nothing."""
    x, before = Tensor(op.operands[0]), _shifts(op)
    shifts = before
    if (inner := producer(x, Roll)) is not None:
        x, earlier = Tensor(inner.operands[0]), _shifts(inner)
        shifts = {a: before.get(a, 0) + earlier.get(a, 0) for a in sorted({*before, *earlier})}
    known = {a: s % max(x.extents[a], 1) if x.extents[a] >= 0 else s for a, s in shifts.items()}
    left = {a: s for a, s in known.items() if s}
    return Roll.by(x, list(left.values()), list(left)) if inner is not None or left != before else None


def _shifts(op: Roll) -> dict[int, int]:
    return dict(zip(op.order, integer_list(op.properties, "shifts"), strict=True))


# ---- elements around a tensor -----------------------------------------------------------------------------------


@folds(Pad, family(Mirroring))
def padded_by_nothing(op: Pad | Mirroring) -> Folded:
    """A pad of no elements is the operand."""
    shape = shape_of_type(op.results[0].type)
    return (
        Tensor(op.operands[0]) if not any(map(any, paddings_of(op.name, op.properties, len(shape)))) else None
    )


@folds(Pad)
def padded_with_its_value(op: Pad) -> Folded:
    """A pad of a fill with its value is a fill; a pad of a pad with the same value is one pad."""
    x, value = Tensor(op.operands[0]), number_of(op.value)
    if (inner := producer(x, Pad)) is not None and inner.value == op.value:
        names = ("low", "high")
        outer, within = ([integer_list(o.properties, name) for name in names] for o in (op, inner))
        low, high = (
            integers([a + b for a, b in zip(*both, strict=True)]) for both in zip(outer, within, strict=True)
        )
        return Pad.of(Tensor(inner.operands[0]), low=low, high=high, value=op.value)
    fill = producer(x, Fill)
    if fill is None or fill.value != op.value or not is_static(op.results[0].type):
        return None
    return full_like(value, op.results[0].type)
