"""Folds what moves the elements of fills, or adds up zeros: the result is a fill again."""

from __future__ import annotations

import math

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import is_static
from pullback.passes.simplify.matching import (
    Folded,
    Having,
    elements_of,
    folds,
    full_like,
    number_in,
    producer,
)


@folds(Having(lambda op: op.TAKES is not None))
def one_value(op: GraphOp) -> Folded:
    """An operation that moves the elements of fills of one value is a fill of it."""
    fills = [producer(x, Fill) for x in _operands(op, op.TAKES)]
    first = fills[0] if fills else None
    if first is None or any(f is None or f.value != first.value for f in fills):
        return None
    return filled(op, first.number)


@folds(Having(lambda op: op.ADDS is not None))
def sums_of_zeros(op: GraphOp) -> Folded:
    """Sums of zeros are zeros. (Products stay: the other factor may be infinite or NaN.)"""
    return filled(op, 0) if all(map(_is_zero, _operands(op, op.ADDS))) else None


def _operands(op: GraphOp, which: slice | None) -> list[Tensor]:
    """The values of the operands that are fills."""
    return [elements_of(v) for v in op.operands[which]] if which is not None else []


def _is_zero(x: Tensor) -> bool:
    """Tells whether x is a fill of 0, not of -0.0."""
    number = number_in(x)
    parts = (number.real, number.imag) if isinstance(number, complex) else (number,)
    return number == 0 and all(math.copysign(1, part) > 0 for part in parts if part is not None)


def filled(op: GraphOp, number: Number) -> Folded:
    """Fills in the place of all results; `None` where a shape is known only at run time, and no operand gives it."""
    types = op.result_types
    if all(map(is_static, types)):
        return [full_like(number, t) for t in types]
    shape = op.shape_operand()
    # The shape that a reshape is given may leave an extent to be inferred.
    return None if shape is None or isinstance(op, Reshape) else Fill.full(number, types[0], shape)
