"""Functions of `Scalar` for bodies of elementwise operations: absolute value, maximum, select, integer division …"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith, math
from xdsl.irdl import IRDLOperation

from pullback.dialects.graph.op.scalar import Scalar, bit_width, emit
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import is_float

# What is made of upstream's operations that xDSL lacks imports them: who builds graphs makes no bodies.


def identity(x: Scalar) -> Scalar:
    """`x` itself."""
    return x


def _function(op: type[IRDLOperation]) -> Callable[[Scalar], Scalar]:
    """Makes the function that emits an operation of `math` on one float."""

    def apply(x: Scalar) -> Scalar:
        return emit(op, x.type, x)

    return apply


exp, exp2, expm1 = map(_function, (math.ExpOp, math.Exp2Op, math.ExpM1Op))
log, log1p, log2, log10 = map(_function, (math.LogOp, math.Log1pOp, math.Log2Op, math.Log10Op))
floor, ceil, trunc, round_even = map(_function, (math.FloorOp, math.CeilOp, math.TruncOp, math.RoundEvenOp))
sqrt, rsqrt = map(_function, (math.SqrtOp, math.RsqrtOp))
sin, cos, tan = map(_function, (math.SinOp, math.CosOp, math.TanOp))
asin, acos, atan = map(_function, (math.AsinOp, math.AcosOp, math.AtanOp))
sinh, cosh, tanh = map(_function, (math.SinhOp, math.CoshOp, math.TanhOp))
asinh, acosh, atanh = map(_function, (math.AsinhOp, math.AcoshOp, math.AtanhOp))
erf = _function(math.ErfOp)


def erfc(x: Scalar) -> Scalar:
    """1 - erf(x)."""
    from pullback.dialects.upstream.math import ErfcOp

    return emit(ErfcOp, x.type, x)


def absolute(x: Scalar) -> Scalar:
    """The magnitude; of the smallest integer, which has no positive counterpart, itself."""
    return emit(math.AbsFOp if is_float(x.element_type) else math.AbsIOp, x.type, x)


def atan2(a: Scalar, b: Scalar) -> Scalar:
    """The angle of the point (b, a)."""
    return emit(math.Atan2Op, a.type, a, b)


def copysign(a: Scalar, b: Scalar) -> Scalar:
    """The magnitude of a under the sign of b."""
    return emit(math.CopySignOp, a.type, a, b)


def power(a: Scalar, b: Scalar) -> Scalar:
    """a to the power of b; of integers, modulo the width of their type."""
    return emit(math.PowFOp if is_float(a.element_type) else math.IPowIOp, a.type, a, b)


def maximum(a: Scalar, b: Scalar) -> Scalar:
    """The larger value; NaN if either is."""
    return emit(arith.MaximumfOp if is_float(a.element_type) else arith.MaxSIOp, a.type, a, b)


def minimum(a: Scalar, b: Scalar) -> Scalar:
    """The smaller value; NaN if either is."""
    return emit(arith.MinimumfOp if is_float(a.element_type) else arith.MinSIOp, a.type, a, b)


def select(condition: Scalar, a: Scalar | Number, b: Scalar | Number) -> Scalar:
    """`a` where the condition holds, `b` elsewhere; one of them may be a number."""
    from pullback.dialects.upstream.arith import SelectOp

    like = a if isinstance(a, Scalar) else b
    assert isinstance(like, Scalar)
    return emit(SelectOp, like.type, condition, like.like(a), like.like(b))


# ---- integers: where `arith` leaves a result undefined, it is NumPy's ----------------------------------------


def floor_divide_integers(a: Scalar, b: Scalar) -> Scalar:
    """The quotient rounded down; 0 where b is 0."""
    # The smallest integer divided by -1 overflows, which traps.
    is_negation, is_zero = b.equal(-1), b.equal(0)
    quotient = emit(arith.FloorDivSIOp, a.type, a, select(is_negation | is_zero, 1, b))
    return select(is_zero, 0, select(is_negation, 0 - a, quotient))


def remainder(a: Scalar, b: Scalar) -> Scalar:
    """The remainder of the division rounded down (`floor_divide`), with the sign of b.

    Where b is 0: 0 for integers, NaN for floats.
    """
    if is_float(a.element_type):
        rest = remainder_of_floats(a, b)
        whole = copysign(rest.like(0), b)
    else:
        rest = emit(arith.RemSIOp, a.type, a, select(b.equal(-1) | b.equal(0), 1, b))
        whole = rest
    moved = select((rest < 0) ^ (b < 0), rest + b, rest)
    return select(rest.equal(0), whole, moved)


def remainder_of_floats(a: Scalar, b: Scalar) -> Scalar:
    """The remainder of the division rounded towards zero, with the sign of a."""
    from pullback.dialects.upstream.arith import RemfOp

    return emit(RemfOp, a.type, a, b)


def _shift(op: type[IRDLOperation], a: Scalar, b: Scalar, at_most: int) -> tuple[Scalar, Scalar]:
    """The shift by b, or by `at_most` where that is out of range, and whether b is in range."""
    is_in_range = (b >= 0) & (b < bit_width(a.element_type))
    return emit(op, a.type, a, select(is_in_range, b, at_most)), is_in_range


def shift_left(a: Scalar, b: Scalar) -> Scalar:
    """The bits b places up; 0 where b is out of range."""
    shifted, is_in_range = _shift(arith.ShLIOp, a, b, 0)
    return select(is_in_range, shifted, 0)


def shift_right_logical(a: Scalar, b: Scalar) -> Scalar:
    """The bits b places down, behind zeros; 0 where b is out of range."""
    shifted, is_in_range = _shift(arith.ShRUIOp, a, b, 0)
    return select(is_in_range, shifted, 0)


def shift_right_arithmetic(a: Scalar, b: Scalar) -> Scalar:
    """The bits b places down, behind copies of the sign; these alone where b is out of range."""
    return _shift(arith.ShRSIOp, a, b, bit_width(a.element_type) - 1)[0]
