"""Folds powers with known exponents and quotients by known numbers (strength reduction)."""

from __future__ import annotations

import math

import ml_dtypes
from xdsl.dialects.builtin import f32

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.arithmetic import DivNoNan, MulNoNan, Reciprocal, Square
from pullback.dialects.graph.elementwise.basic import Cast, Divide, Multiply
from pullback.dialects.graph.elementwise.exponential import Pow
from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_float, is_inexact, is_static
from pullback.passes.simplify.matching import (
    Folded,
    broadcast_result,
    dtype_of,
    folds,
    full_like,
    number_in,
    producer,
)

PRODUCTS = (2, 3, 4, -1, -2, -3)
"""Exponents for which a power is made of products: with more of them, roundings add up to more than 3 ulp."""


@folds(Pow)
def known_power(op: Pow) -> Folded:
    """x ** 0, and powers of a few whole numbers. (x ** 0.5 is no square root: those of -0.0 and -inf differ.)"""
    number = number_in(op.b)
    if number is None or isinstance(number, complex):
        return None
    if number == 0:
        return full_like(1, op.y.type) if is_static(op.y.type) else None
    if number not in PRODUCTS or (number < 0 and not is_inexact(op.y.element_type)):
        return None
    base = broadcast_result(op, op.a, op.b)
    return None if base is None else _product(base, int(number))


def _product(x: Tensor, exponent: int) -> Tensor:
    """x to the power of one of `PRODUCTS`: what overflows on the way, or is lost, does so in the result, too.

    In dtypes shorter than f32 it is rounded once, as a power is.
    """
    if is_float(x.element_type) and bit_width(x.element_type) < bit_width(f32) and exponent not in (2, -1):
        return Cast.to(_product(Cast.to(x, f32), exponent), x.element_type)
    match exponent:
        case 2:
            return Square.of(x)
        case 3:
            return Multiply.of(Square.of(x), x)
        case 4:
            return Square.of(Square.of(x))
        case -1:
            return Reciprocal.of(x)
        case -2:
            return Square.of(Reciprocal.of(x))
        case _:
            return Divide.of(Square.of(Reciprocal.of(x)), x)


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
