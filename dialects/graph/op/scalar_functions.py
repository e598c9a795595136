"""Functions of `Scalar` for bodies of elementwise operations: absolute value, maximum, select, integer division …"""

from __future__ import annotations

from collections.abc import Callable

from pullback.dialects.graph.op.scalar import Scalar, bit_width, emit
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import is_float


def identity(x: Scalar) -> Scalar:
    """`x` itself."""
    return x


def _function(op: str) -> Callable[[Scalar], Scalar]:
    """Makes the function that emits an operation of `math` on one float."""

    def apply(x: Scalar) -> Scalar:
        return emit(op, x.type, x)

    return apply


exp, exp2, expm1 = map(_function, ("math.exp", "math.exp2", "math.expm1"))
log, log1p, log2, log10 = map(_function, ("math.log", "math.log1p", "math.log2", "math.log10"))
floor, ceil, trunc, round_even = map(_function, ("math.floor", "math.ceil", "math.trunc", "math.roundeven"))
sqrt, rsqrt = map(_function, ("math.sqrt", "math.rsqrt"))
sin, cos, tan = map(_function, ("math.sin", "math.cos", "math.tan"))
asin, acos, atan = map(_function, ("math.asin", "math.acos", "math.atan"))
sinh, cosh, tanh = map(_function, ("math.sinh", "math.cosh", "math.tanh"))
asinh, acosh, atanh = map(_function, ("math.asinh", "math.acosh", "math.atanh"))
erf = _function("math.erf")


def erfc(x: Scalar) -> Scalar:
    """1 - erf(x)."""
    return emit("math.erfc", x.type, x)


def absolute(x: Scalar) -> Scalar:
    """The magnitude; of the smallest integer, which has no positive counterpart, itself."""
    return emit("math.absf" if is_float(x.element_type) else "math.absi", x.type, x)


def atan2(a: Scalar, b: Scalar) -> Scalar:
    """The angle of the point (b, a)."""
    return emit("math.atan2", a.type, a, b)


def copysign(a: Scalar, b: Scalar) -> Scalar:
    """The magnitude of a under the sign of b."""
    return emit("math.copysign", a.type, a, b)


def power(a: Scalar, b: Scalar) -> Scalar:
    """a to the power of b; of integers, modulo the width of their type."""
    return emit("math.powf" if is_float(a.element_type) else "math.ipowi", a.type, a, b)


def maximum(a: Scalar, b: Scalar) -> Scalar:
    """The larger value; NaN if either is."""
    return emit("arith.maximumf" if is_float(a.element_type) else "arith.maxsi", a.type, a, b)


def minimum(a: Scalar, b: Scalar) -> Scalar:
    """The smaller value; NaN if either is."""
    return emit("arith.minimumf" if is_float(a.element_type) else "arith.minsi", a.type, a, b)


def select(condition: Scalar, a: Scalar | Number, b: Scalar | Number) -> Scalar:
    """`a` where the condition holds, `b` elsewhere; one of them may be a number."""
    like = a if isinstance(a, Scalar) else b
    assert isinstance(like, Scalar)
    return emit("arith.select", like.type, condition, like.like(a), like.like(b))


# ---- integers: where `arith` leaves a result undefined, it is NumPy's ----------------------------------------


def floor_divide_integers(a: Scalar, b: Scalar) -> Scalar:
    """The quotient rounded down; 0 where b is 0."""
    # The smallest integer divided by -1 overflows, which traps.
    is_negation, is_zero = b.equal(-1), b.equal(0)
    quotient = emit("arith.floordivsi", a.type, a, select(is_negation | is_zero, 1, b))
    return select(is_zero, 0, select(is_negation, 0 - a, quotient))


def remainder(a: Scalar, b: Scalar) -> Scalar:
    """The remainder of the division rounded down (`floor_divide`), with the sign of b.

    Where b is 0: 0 for integers, NaN for floats.
    """
    if is_float(a.element_type):
        rest = remainder_of_floats(a, b)
        whole = copysign(rest.like(0), b)
    else:
        rest = emit("arith.remsi", a.type, a, select(b.equal(-1) | b.equal(0), 1, b))
        whole = rest
    moved = select((rest < 0) ^ (b < 0), rest + b, rest)
    return select(rest.equal(0), whole, moved)


def remainder_of_floats(a: Scalar, b: Scalar) -> Scalar:
    """The remainder of the division rounded towards zero, with the sign of a."""
    return emit("arith.remf", a.type, a, b)


def _shift(op: str, a: Scalar, b: Scalar, at_most: int) -> tuple[Scalar, Scalar]:
    """The shift by b, or by `at_most` where that is out of range, and whether b is in range."""
    is_in_range = (b >= 0) & (b < bit_width(a.element_type))
    return emit(op, a.type, a, select(is_in_range, b, at_most)), is_in_range


def shift_left(a: Scalar, b: Scalar) -> Scalar:
    """The bits b places up; 0 where b is out of range."""
    shifted, is_in_range = _shift("arith.shli", a, b, 0)
    return select(is_in_range, shifted, 0)


def shift_right_logical(a: Scalar, b: Scalar) -> Scalar:
    """The bits b places down, behind zeros; 0 where b is out of range."""
    shifted, is_in_range = _shift("arith.shrui", a, b, 0)
    return select(is_in_range, shifted, 0)


def shift_right_arithmetic(a: Scalar, b: Scalar) -> Scalar:
    """The bits b places down, behind copies of the sign; these alone where b is out of range."""
    return _shift("arith.shrsi", a, b, bit_width(a.element_type) - 1)[0]
