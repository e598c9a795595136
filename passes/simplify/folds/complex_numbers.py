"""Folds real and imaginary parts: of numbers just made of parts, of real numbers, and of conjugates."""

from __future__ import annotations

from pullback.dialects.graph.elementwise.arithmetic import Abs
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.elementwise.complex_numbers import Conj, Imag, MakeComplex, Real
from pullback.dialects.graph.tensor.types import element_type_of, is_complex, is_static
from pullback.passes.simplify.matching import Folded, broadcast_result, folds, full_like, producer, same_type


@folds(Real, Imag)
def part_of_parts(op: Real | Imag) -> Folded:
    """The part of a number just made of two parts is that part."""
    made = producer(op.x, MakeComplex)
    if made is None:
        return None
    part, other = (made.a, made.b) if isinstance(op, Real) else (made.b, made.a)
    return broadcast_result(op, part, other)


@folds(MakeComplex)
def parts_put_together(op: MakeComplex) -> Folded:
    """A number made of both parts of one number is that number."""
    real, imag = producer(op.a, Real), producer(op.b, Imag)
    if real is None or imag is None or real.x.value is not imag.x.value:
        return None
    return real.x


@folds(Real, Imag)
def part_of_real_number(op: Real | Imag) -> Folded:
    """A real number is its real part, and has no other."""
    cast, result = producer(op.x, Cast), op.results[0].type
    if cast is None or is_complex(cast.x.element_type):
        return None
    if isinstance(op, Real):
        return cast.x if same_type(cast.x.type, result) else Cast.to(cast.x, element_type_of(result))
    return full_like(0, result) if is_static(result) else None


@folds(Real, Imag, Abs)
def part_of_conjugate(op: Real | Imag | Abs) -> Folded:
    """The real part and the magnitude are those of the number, the imaginary part is its negative."""
    inner = producer(op.x, Conj)
    if inner is None:
        return None
    made = type(op).of(inner.x)
    return -made if isinstance(op, Imag) else made
