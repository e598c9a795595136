"""Neutral elements and inverse operations.

Results keep their bits, with one exception, that of XLA: where 0.0 is added or subtracted, -0.0 may stay -0.0 instead
of becoming 0.0. Absent gradients are zeros, and their additions must go. `x * 0` stays: x may be infinite or NaN.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerType
from xdsl.ir import Attribute

from pullback.dialects.graph.base import GraphOp
from pullback.dialects.graph.comparisons import Greater
from pullback.dialects.graph.custom_gradient import CustomGradient
from pullback.dialects.graph.elementwise import (
    Add,
    Cast,
    Divide,
    Identity,
    Maximum,
    Multiply,
    Negative,
    StopGradient,
    Subtract,
    Where,
)
from pullback.dialects.graph.shapes import BroadcastTo
from pullback.dialects.graph.types import broadcast_shapes, element_type_of, is_static, shape_of_type
from pullback.dialects.graph.value import Tensor
from pullback.passes.simplify.matching import (
    Folded,
    broadcast_result,
    dtype_of,
    folds,
    number_in,
    producer,
    same_type,
)


@folds(Identity, StopGradient)
def nothing(op: Identity | StopGradient) -> Folded:
    """Both are x, once all gradients are there."""
    return op.x


@folds(CustomGradient)
def values(op: CustomGradient) -> Folded:
    """The values, once all gradients are there."""
    return [Tensor(v) for v in op.values]


@folds(Add)
def add_zero(op: Add) -> Folded:
    """x + 0 and 0 + x are x."""
    for x, other in ((op.a, op.b), (op.b, op.a)):
        if number_in(other) == 0:
            return broadcast_result(op, x, other)
    return None


@folds(Subtract)
def subtract_zero(op: Subtract) -> Folded:
    """x - 0 is x."""
    return broadcast_result(op, op.a, op.b) if number_in(op.b) == 0 else None


@folds(Add)
def add_negative(op: Add) -> Folded:
    """a + -b and -b + a are a - b."""
    for x, other in ((op.a, op.b), (op.b, op.a)):
        if (negative := producer(other, Negative)) is not None:
            return Subtract.of(x, negative.x)
    return None


@folds(Subtract)
def subtract_negative(op: Subtract) -> Folded:
    """a - -b is a + b."""
    negative = producer(op.b, Negative)
    return Add.of(op.a, negative.x) if negative is not None else None


@folds(Negative)
def negative_of_negative(op: Negative) -> Folded:
    """-(-x) is x."""
    inner = producer(op.x, Negative)
    return inner.x if inner is not None else None


@folds(Multiply)
def multiply_one(op: Multiply) -> Folded:
    """x * 1 is x, x * -1 is -x."""
    for x, other in ((op.a, op.b), (op.b, op.a)):
        if number_in(other) == 1:
            return broadcast_result(op, x, other)
        if number_in(other) == -1 and same_type(x.type, op.y.type) and is_static(x.type):
            return -x
    return None


@folds(Divide)
def divide_one(op: Divide) -> Folded:
    """x / 1 is x."""
    return broadcast_result(op, op.a, op.b) if number_in(op.b) == 1 else None


@folds(Maximum)
def maximum_of_same(op: Maximum) -> Folded:
    """The larger of x and x is x."""
    return op.a if op.a.value is op.b.value else None


@folds(Where)
def where_known(op: Where) -> Folded:
    """A known condition, or two equal branches."""
    condition, a, b = (Tensor(v) for v in op.operands)
    known = number_in(condition)
    if known is not None:
        chosen, other = (a, b) if known else (b, a)
        return broadcast_result(op, chosen, condition, other)
    return broadcast_result(op, a, condition) if a.value is b.value else None


@folds(Cast)
def cast_back(op: Cast) -> Folded:
    """A cast to the own dtype, or back from a dtype that holds every value of the first."""
    result = op.results[0].type
    if same_type(op.x.type, result):
        return op.x
    inner = producer(op.x, Cast)
    if inner is None or not _holds(inner.results[0].type, inner.x.type):
        return None
    return Cast.to(inner.x, element_type_of(result))


def _holds(wide: Attribute, narrow: Attribute) -> bool:
    """Whether every value of one type is a value of the other."""
    if element_type_of(narrow) == IntegerType(1):
        return element_type_of(wide) != IntegerType(1)
    a, b = dtype_of(narrow), dtype_of(wide)
    if a.itemsize == 8 and a.kind in "iu" and b.kind not in "iu":
        return False  # NumPy calls it safe, and rounds
    return np.can_cast(a, b, casting="safe")


@folds(Add, Subtract, Multiply, Divide, Maximum, Greater, Where)
def broadcast_by_itself(op: GraphOp) -> Folded:
    """An operand need not be broadcast first if the others have the result's shape."""
    operands = [Tensor(v) for v in op.operands]
    if all(producer(t, BroadcastTo) is None for t in operands):
        return None
    result = shape_of_type(op.results[0].type)
    if DYNAMIC_INDEX in result:
        return None
    for i, t in enumerate(operands):
        stretched = producer(t, BroadcastTo)
        if stretched is None or not is_static(stretched.x.type):
            continue
        operands[i] = stretched.x
        shape: tuple[int, ...] = ()
        for other in operands:
            shape = broadcast_shapes(shape, other.extents)
        if shape == result:
            return type(op).of(*operands)
        operands[i] = t
    return None
