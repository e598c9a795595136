"""pow: exp(y log|x|), and a sign."""

from __future__ import annotations

from math import inf, nan

from pullback.backends.cpu.math.exp import LN2, exp
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select
from pullback.backends.cpu.math.log import log, split, with_special_values

# (log((1 + s) / (1 - s)) - 2 s - 2 s^3 / 3) / s^5 in s^2, highest power first, by Remez's algorithm, so that the error
# of the logarithm, relative to it, is least: 1.0e-20, which roundings of these leave of 7.2e-23.
SERIES = (
    0.11988641639998951,
    0.11674865683712461,
    0.13336314953081735,
    0.15384556939259142,
    0.18181818869244679,
    0.22222222217545834,
    0.2857142857144507,
    0.3999999999999998,
)
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
"""As the nearest f64 and the rest."""
BOUND = 2000.0
"""Beyond, exponentials are infinite or 0."""


def pow(x: LLVMValue, y: LLVMValue) -> LLVMValue:
    """x to the power of y, with the special values of IEEE 754. Error: f32 0.501 ulp, f64 0.86 (both sampled).

    Where the power is a float the result is it: what is off before the last rounding is less than half a unit.
    """
    magnitude = x.absolute()
    power = power_f32(magnitude, y) if x.format is F32 else power_f64(magnitude, y)
    # Where y is infinite, 0 * inf.
    power = select(magnitude.equals(1.0) & y.equals(y), 1.0, power)
    half = y * 0.5
    is_whole = y.equals(y.whole())
    is_odd = is_whole & half.compare("one", half.whole())
    is_negative = x.lift(1.0).with_sign_of(x) < 0.0
    signed = select(is_negative & is_odd, -power, power)
    # Of a negative number only whole powers are real; infinite ones and those of zero depend on the sign alone.
    has_no_power = (x < 0.0) & (x > -inf) & y.compare("one", y.whole())
    signed = select(has_no_power, nan, signed)
    return select(x.equals(1.0) | y.equals(0.0), 1.0, signed)


def power_f32(x: LLVMValue, y: LLVMValue) -> LLVMValue:
    """exp(y log(x)) for x >= 0, computed in f64, where the error of y log(x) does no harm."""
    return exp(y.widened() * log(x.widened())).narrowed()


def power_f64(x: LLVMValue, y: LLVMValue) -> LLVMValue:
    """exp(y log(x)) for x >= 0, where y log(x) is a number and what rounding lost of it."""
    high, low = log_in_two_parts(x)
    product = y * high
    is_within = product.absolute() < BOUND
    lost = select(is_within, fma(y, high, -product) + y * low, 0.0)
    return exp(product.at_most(BOUND).at_least(-BOUND), -lost)


def log_in_two_parts(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """The logarithm of an f64 as a number and a small rest: e ln 2 + 2 s + 2 s^3 / 3 + ... for s = r / (2 + r).

    Each term is in two parts as far as the sum has 12 bits more than an f64.
    """
    e, m = split(x)
    ln2_high, ln2_low = LN2[F64]
    r, divisor = m - 1.0, m + 1.0
    inverse = 1.0 / divisor
    s = r * inverse
    s_low = (fma(-s, divisor, r) - s * (m - (divisor - 1.0))) * inverse
    square = s * s
    square_low = fma(s, s, -square) + (s + s) * s_low
    # The factor of s^3, ...
    high, low = TWO_THIRDS
    tail = square * polynomial(square, SERIES)
    factor = tail + high
    factor_low = (tail - (factor - high)) + low
    # ... times s^2, ...
    product = square * factor
    product_low = fma(square, factor, -product) + fma(square, factor_low, square_low * factor)
    # ... and times s.
    cube = s * product
    cube_low = fma(s, product, -cube) + fma(s, product_low, s_low * product)
    # The sum, from the largest to the smallest.
    whole, first = e * ln2_high, s + s
    total = whole + first
    lost = first - (total - whole)
    result = total + cube
    lost = (lost + (cube - (result - total))) + fma(e, ln2_low, (s_low + s_low) + cube_low)
    return with_special_values(x, result), lost
