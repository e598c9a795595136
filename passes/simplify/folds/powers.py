"""Folds powers with known exponents and quotients by known numbers (strength reduction)."""

from __future__ import annotations

import math

import ml_dtypes

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.arithmetic import DivNoNan, MulNoNan, Reciprocal, Square
from pullback.dialects.graph.elementwise.basic import Divide, Multiply
from pullback.dialects.graph.elementwise.exponential import Pow
from pullback.dialects.graph.tensor.types import is_complex, is_inexact, is_static
from pullback.passes.simplify.matching import (
    Folded,
    broadcast_result,
    dtype_of,
    folds,
    full_like,
    number_in,
    producer,
)


@folds(Pow)
def known_power(op: Pow) -> Folded:
    """x ** 0, x ** 2 and x ** -1. (x ** 0.5 is no square root: those of -0.0 and -inf differ.)"""
    if is_complex(op.y.element_type):
        return None
    match number_in(op.b):
        case 0:
            return full_like(1, op.y.type) if is_static(op.y.type) else None
        case 2:
            return _of_base(op, Square)
        case -1 if is_inexact(op.y.element_type):
            return _of_base(op, Reciprocal)
        case _:
            return None


def _of_base(op: Pow, function: type[Square | Reciprocal]) -> Folded:
    base = broadcast_result(op, op.a, op.b)
    return None if base is None else function.of(base)


@folds(DivNoNan, MulNoNan)
def never_zero(op: DivNoNan | MulNoNan) -> Folded:
    """`div_no_nan` and `mul_no_nan` by 0 are 0, by any other number the ordinary operations."""
    number = number_in(op.b)
    if number is None:
        return None
    if number != 0:
        return (Divide if isinstance(op, DivNoNan) else Multiply).of(op.a, op.b)
    return full_like(0, op.y.type) if is_static(op.y.type) else None


@folds(Divide)
def divide_by_power_of_two(op: Divide) -> Folded:
    """x / 2^n is x * 2^-n, where that is representable: both round alike."""
    fill = producer(op.b, Fill)
    if fill is None or isinstance(fill.number, complex) or not math.isfinite(fill.number) or not fill.number:
        return None
    dtype = dtype_of(op.b.type)
    mantissa, exponent = math.frexp(fill.number)
    limits = ml_dtypes.finfo(dtype)
    if abs(mantissa) != 0.5 or not limits.minexp <= 1 - exponent < limits.maxexp:
        return None
    return Multiply.of(op.a, full_like(1 / float(fill.number), op.b.type, fill))
