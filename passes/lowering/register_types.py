"""Types of elements in registers: half precision is computed in f32, and rounded after each operation.

Between the steps of one operation (the exponential and the quotient of a sigmoid) nothing is rounded. What an operation
gives to others, in the same kernel or by way of memory, is rounded once. So values do not depend on what is fused.
"""

from __future__ import annotations

import numpy as np
from xdsl.dialects import arith, math, vector
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, FloatAttr
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import is_float, numpy_dtype
from pullback.dialects.ir.by_identity import by_identity
from pullback.dialects.upstream.arith import SelectOp, UIToFPOp


@by_identity
def register_type(element_type: Attribute) -> Attribute:
    """The type in which kernels compute elements of this type: that of sums of a few."""
    return ACCUMULATORS.get(element_type, element_type)


def rounded_number(number: Number, element_type: Attribute) -> Number:
    """Rounds a number to half precision, if this is the element type."""
    if element_type not in ACCUMULATORS:
        return number
    with np.errstate(over="ignore"):
        return float(np.asarray(number).astype(numpy_dtype(element_type)))


def rounded_to(element_type: Attribute, value: Scalar) -> Scalar:
    """Rounds a value, or each element of a vector, to half precision; it stays in registers of its own type."""
    if _is_rounded(value.value, element_type, _DEPTH):
        return value
    return value.cast(element_type).cast(value.element_type)


_DEPTH = 4
"""How many operations that need no rounding are looked through, one after the other."""

_EXACT = (
    arith.MaximumfOp,
    arith.MinimumfOp,
    arith.NegfOp,
    math.AbsFOp,
    SelectOp,
    UIToFPOp,
    vector.BroadcastOp,
)
"""Operations that give one of their float operands, or its opposite; or 0 or 1, of a truth value."""


def _is_rounded(value: SSAValue, element_type: Attribute, depth: int) -> bool:
    """Tells whether a value is known to be one of half precision, so that rounding it again changes nothing."""
    op = value.owner
    if isinstance(op, arith.ExtFOp):
        return Scalar(op.input).element_type == element_type
    if isinstance(op, arith.ConstantOp):
        number = _number_of(op)
        return number is not None and rounded_number(number, element_type) == number
    if not isinstance(op, _EXACT) or not depth:
        return False
    floats = (o for o in op.operands if is_float(Scalar(o).element_type))
    return all(_is_rounded(operand, element_type, depth - 1) for operand in floats)


def _number_of(op: arith.ConstantOp) -> float | None:
    """The float that a constant is, or that is in each lane of it."""
    match op.value:
        case FloatAttr(value=number):
            return number.data
        case DenseIntOrFPElementsAttr() as lanes if lanes.is_splat():
            number = lanes.get_values()[0]
            return None if isinstance(number, tuple) else float(number)
        case _:
            return None
