"""Folds `where`, comparisons and bitwise operations: known conditions, equal operands, bits that decide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pullback.dialects.graph.elementwise.basic import Maximum, Minimum, Where
from pullback.dialects.graph.elementwise.bitwise import BitwiseAnd, BitwiseInvert, BitwiseOr, BitwiseXor
from pullback.dialects.graph.elementwise.comparisons import (
    Equal,
    Greater,
    GreaterEqual,
    IsFinite,
    IsInf,
    IsNaN,
    Less,
    LessEqual,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    LogicalXor,
    NotEqual,
)
from pullback.dialects.graph.op.families import Binary, BinaryPredicate, Unary, UnaryPredicate, is_truth
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import broadcast_shapes, is_inexact, is_static, shape_of_type
from pullback.passes.simplify.matching import (
    Folded,
    broadcast_result,
    dtype_of,
    folds,
    full_like,
    number_in,
    producer,
)


@folds(Where)
def where_known(op: Where) -> Folded:
    """`where` of a known condition, or of two equal branches, is that branch."""
    condition, a, b = (Tensor(v) for v in op.operands)
    known = number_in(condition)
    if known is not None:
        chosen, other = (a, b) if known else (b, a)
        return broadcast_result(op, chosen, condition, other)
    return broadcast_result(op, a, condition) if a.value is b.value else None


@folds(Where)
def where_of_truths(op: Where) -> Folded:
    """`where` of true and false is the condition, or its opposite."""
    condition, a, b = (Tensor(v) for v in op.operands)
    match number_in(a), number_in(b):
        case True, False:
            return broadcast_result(op, condition, a, b)
        case False, True:
            return broadcast_result(op, LogicalNot.of(condition), a, b)
        case _:
            return None


@folds(Where)
def where_not(op: Where) -> Folded:
    """`where` of a negated condition swaps the branches."""
    condition, a, b = (Tensor(v) for v in op.operands)
    opposite = producer(condition, LogicalNot)
    return Where.of(opposite.x, b, a) if opposite is not None else None


@folds(Where)
def where_in_where(op: Where) -> Folded:
    """`where` inside of a `where` of the same condition is the branch that this one has chosen."""
    condition, a, b = (Tensor(v) for v in op.operands)
    inner_a, inner_b = producer(a, Where), producer(b, Where)
    if inner_a is not None and inner_a.condition is condition.value:
        a = Tensor(inner_a.lhs)
    if inner_b is not None and inner_b.condition is condition.value:
        b = Tensor(inner_b.rhs)
    if [condition.value, a.value, b.value] == [*op.operands]:
        return None
    shape: tuple[int, ...] = ()
    for operand in (condition, a, b):
        if not is_static(operand.type):
            return None
        shape = broadcast_shapes(shape, operand.extents)
    return Where.of(condition, a, b) if shape == shape_of_type(op.results[0].type) else None


_OF_TRUTHS: Mapping[type[GraphOp], type[Unary | Binary]] = {
    BitwiseAnd: LogicalAnd,
    BitwiseOr: LogicalOr,
    BitwiseXor: LogicalXor,
    BitwiseInvert: LogicalNot,
}


@folds(*_OF_TRUTHS)
def bits_of_truths(op: Binary | Unary) -> Folded:
    """Bitwise operations on truth values, which are one bit, are logical ones."""
    return _OF_TRUTHS[type(op)].of(*map(Tensor, op.operands)) if is_truth(op.y.element_type) else None


# ---- two operands -----------------------------------------------------------------------------------------------


@folds(Maximum, Minimum, LogicalAnd, LogicalOr, BitwiseAnd, BitwiseOr)
def of_the_same(op: Binary) -> Folded:
    """x and x, x or x, the larger and the smaller of x and x are x."""
    return op.a if op.a.value is op.b.value else None


@folds(LogicalXor, BitwiseXor)
def difference_of_the_same(op: Binary) -> Folded:
    """x xor x is 0."""
    same = op.a.value is op.b.value and is_static(op.y.type)
    return full_like(0, op.y.type) if same else None


_OF_THE_SAME: Mapping[type[GraphOp], bool] = {
    Equal: True,
    GreaterEqual: True,
    LessEqual: True,
    NotEqual: False,
    Greater: False,
    Less: False,
}


@folds(*_OF_THE_SAME)
def comparison_of_the_same(op: BinaryPredicate) -> Folded:
    """x is neither above nor below x, and equal to it if it is not NaN."""
    if op.a.value is not op.b.value or not is_static(op.y.type):
        return None
    if isinstance(op, NotEqual) and is_inexact(op.a.element_type):
        return IsNaN.of(op.a)
    if not isinstance(op, Greater | Less) and is_inexact(op.a.element_type):
        return None
    return full_like(_OF_THE_SAME[type(op)], op.y.type)


def _all_bits(op: Binary) -> Number:
    return np.invert(np.zeros((), dtype_of(op.y.type))).item()


@folds(LogicalAnd, LogicalOr, BitwiseAnd, BitwiseOr)
def deciding_bits(op: Binary) -> Folded:
    """x and 0 is 0, x or -1 is -1, x and -1 is x."""
    is_and = isinstance(op, LogicalAnd | BitwiseAnd)
    ones = _all_bits(op)
    for x, other in ((op.a, op.b), (op.b, op.a)):
        number = number_in(other)
        if number is None:
            continue
        if number == (0 if is_and else ones):
            return broadcast_result(op, other, x)
        if number == (ones if is_and else 0):
            return broadcast_result(op, x, other)
    return None


@folds(LogicalXor)
def xor_true(op: LogicalXor) -> Folded:
    """x xor true is not x."""
    for x, other in ((op.a, op.b), (op.b, op.a)):
        if number_in(other) == 1:
            return broadcast_result(op, LogicalNot.of(x), other)
    return None


_OPPOSITES: Mapping[type[GraphOp], type[BinaryPredicate]] = {Equal: NotEqual, NotEqual: Equal}


@folds(LogicalNot)
def not_equal(op: LogicalNot) -> Folded:
    """Not (a == b) is a != b. (Not (a > b) stays: NaN.)"""
    for cls, opposite in _OPPOSITES.items():
        inner = producer(op.x, cls)
        if inner is not None:
            return opposite.of(*map(Tensor, inner.operands))
    return None


@folds(IsNaN, IsInf, IsFinite)
def test_of_integers(op: UnaryPredicate) -> Folded:
    """Tests of integers for infinity and NaN are known: all integers are finite."""
    if is_inexact(op.x.element_type) or not is_static(op.y.type):
        return None
    return full_like(isinstance(op, IsFinite), op.y.type)
