"""Folds neutral elements, inverse and idempotent operations, negations and casts.

Results keep their bits, but for exceptions that XLA makes too: where 0.0 is added or subtracted, -0.0 may stay -0.0
instead of becoming 0.0, and the complex number 1 is a real number. Absent gradients are zeros, and their additions must
go. `x * 0` stays: x may be infinite or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerType
from xdsl.ir import Attribute

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.arithmetic import Abs, DivNoNan, MulNoNan
from pullback.dialects.graph.elementwise.basic import (
    Add,
    Cast,
    Divide,
    Identity,
    Multiply,
    Negative,
    StopGradient,
    Subtract,
)
from pullback.dialects.graph.elementwise.bitwise import (
    BinaryBitwise,
    BitwiseLeftShift,
    BitwiseOr,
    BitwiseRightShift,
    BitwiseXor,
    RightShiftLogical,
)
from pullback.dialects.graph.elementwise.comparisons import LogicalAnd, LogicalOr, LogicalXor
from pullback.dialects.graph.elementwise.exponential import Pow
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient, PreventGradient
from pullback.dialects.graph.movement.shapes import BroadcastTo
from pullback.dialects.graph.op.families import Binary, BinaryPredicate, Elementwise, Unary, no_dtype
from pullback.dialects.graph.op.graph_op import Broadcasts, GraphOp
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import (
    broadcast_shapes,
    element_type_of,
    is_complex,
    is_static,
    shape_of_type,
)
from pullback.passes.simplify.matching import (
    Folded,
    Having,
    broadcast_result,
    dtype_of,
    family,
    folds,
    full_like,
    number_in,
    producer,
    same_type,
)


@folds(Identity, StopGradient, PreventGradient)
def nothing(op: Identity | StopGradient | PreventGradient) -> Folded:
    """Identities and stops are their operand, once all gradients are there; but the type of a result is kept."""
    return op.x if same_type(op.x.type, op.results[0].type) else None


@folds(CustomGradient)
def values(op: CustomGradient) -> Folded:
    """A custom gradient's results are its values, once all gradients are there."""
    return [Tensor(v) for v in op.values]


COMMUTATIVE: Mapping[type[GraphOp], Number] = {Add: 0, Multiply: 1, LogicalAnd: True, LogicalOr: False}
NEUTRAL_ON_THE_RIGHT: Mapping[type[GraphOp], Number] = {
    **COMMUTATIVE,
    Subtract: 0,
    Divide: 1,
    DivNoNan: 1,
    MulNoNan: 1,
    Pow: 1,
    BitwiseLeftShift: 0,
    BitwiseRightShift: 0,
    RightShiftLogical: 0,
    BitwiseOr: 0,
    BitwiseXor: 0,
    LogicalXor: False,
}
"""The neutral element of each operation, as its right operand."""


@folds(*NEUTRAL_ON_THE_RIGHT)
def neutral(op: Binary) -> Folded:
    """x + 0, x * 1 and their like are x."""
    if number_in(op.b) == NEUTRAL_ON_THE_RIGHT[type(op)] and not _is_complex_power(op):
        return broadcast_result(op, op.a, op.b)
    if type(op) in COMMUTATIVE and number_in(op.a) == COMMUTATIVE[type(op)]:
        return broadcast_result(op, op.b, op.a)
    return None


def _is_complex_power(op: Binary) -> bool:
    """Tells whether this is a complex power, which libraries compute through logarithms: x ** 1 is not x to the bit."""
    return isinstance(op, Pow) and is_complex(op.y.element_type)


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


@folds(family(Unary))
def function_of_function(op: Unary) -> Folded:
    """f(f(x)) is x, or f(x); f(-x) is f(x), and so is f(|x|)."""
    if op.INVOLUTION or op.IDEMPOTENT is not no_dtype:
        inner = producer(op.x, type(op))
        if inner is not None and op.INVOLUTION:
            return inner.x
        if inner is not None and type(op).IDEMPOTENT(op.x.element_type):
            return inner.y
    if op.EVEN:
        inner = producer(op.x, Negative) or producer(op.x, Abs)
        if inner is not None and (isinstance(inner, Negative) or same_type(inner.x.type, inner.y.type)):
            return type(op).of(inner.x)
    return None


@folds(Multiply)
def multiply_minus_one(op: Multiply) -> Folded:
    """x * -1 is -x."""
    for x, other in ((op.a, op.b), (op.b, op.a)):
        if number_in(other) == -1 and same_type(x.type, op.y.type) and is_static(x.type):
            return -x
    return None


@folds(Multiply, Divide)
def negative_factors(op: Multiply | Divide) -> Folded:
    """Two minus signs cancel, and one goes into a number."""
    a, b = producer(op.a, Negative), producer(op.b, Negative)
    if a is not None and b is not None:
        return type(op).of(a.x, b.x)
    if a is not None and (number := _negated(op.b)) is not None:
        return type(op).of(a.x, number)
    if b is not None and (number := _negated(op.a)) is not None:
        return type(op).of(number, b.x)
    return None


@folds(Negative)
def negative_of_multiple(op: Negative) -> Folded:
    """-(2 * x) is -2 * x."""
    product = producer(op.x, Multiply)
    if product is None:
        return None
    if (number := _negated(product.b)) is not None:
        return Multiply.of(product.a, number)
    number = _negated(product.a)
    return None if number is None else Multiply.of(number, product.b)


def _negated(x: Tensor) -> Tensor | None:
    """The negative of a fill, as a fill; `None` for anything else."""
    fill = producer(x, Fill)
    if fill is None:
        return None
    number = np.negative(np.array(fill.number, dtype_of(x.type)))
    return None if np.isnan(number) else full_like(number.item(), x.type, fill)


@folds(Cast)
def cast_back(op: Cast) -> Folded:
    """A cast to the same dtype is the operand; a cast after a widening one is a cast of the source."""
    result = op.results[0].type
    if same_type(op.x.type, result):
        return op.x
    inner = producer(op.x, Cast)
    if inner is None or not _holds(inner.results[0].type, inner.x.type):
        return None
    return Cast.to(inner.x, element_type_of(result))


def _holds(wide: Attribute, narrow: Attribute) -> bool:
    """Tells whether every value of one type is a value of the other."""
    if element_type_of(narrow) == IntegerType(1):
        return element_type_of(wide) != IntegerType(1)
    a, b = dtype_of(narrow), dtype_of(wide)
    if a.itemsize == 8 and a.kind in "iu" and b.kind not in "iu":
        return False  # NumPy calls it safe, and rounds
    return np.can_cast(a, b, casting="safe")


@folds(
    Having(
        lambda op: (
            Elementwise in op.__mro__
            and (op.has_trait(Broadcasts) or issubclass(op, BinaryPredicate | BinaryBitwise))
        )
    )
)
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
