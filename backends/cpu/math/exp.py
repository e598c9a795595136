"""exp: x = n ln 2 + r, and exp(x) = 2^n exp(r) for a small r; n is rounded to steps, whose powers a table holds."""

from __future__ import annotations

from math import e, log2

import numpy as np

from pullback.backends.cpu.math import avx512
from pullback.backends.cpu.math.lanes import F32, F64, Format, LLVMValue, fma, polynomial, select
from pullback.backends.cpu.math.table import lookup

LOG2_E = log2(e)

# ln 2 in two parts (Cody and Waite): the first is so short that its product with n is exact.
# Sources: Cephes's expf (S. Moshier) and fdlibm's e_exp.c (Sun Microsystems).
LN2 = {
    F32: (0.693359375, -2.12194440e-4),
    F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
# ln 2 as its nearest float and the rest: for a product and a difference that are rounded once.
NEAREST_LN2 = {
    F32: (0.6931471824645996, -1.9046542121259336e-09),
    F64: (0.6931471805599453, 2.3190468138462996e-17),
}

# x = (n + j / N) ln 2 + r + OFFSET, |r + OFFSET| <= ln 2 / (2 N), and exp(x) = 2^n POWERS[j] (1 + r SERIES(r)).
# OFFSET is ROUNDER times the second part of ln 2. ROUNDER is whole, and the sum with it rounded to steps of 1 / N; it
# was searched for so that all N powers lie next to a float, within .25 and .1 ulp of results. The polynomials are by
# Remez's algorithm, with errors of 1.1e-9 and 2.4e-18, but for the last coefficients, which are next to 1.
STEPS_LOG2 = {F32: 4, F64: 3}
ROUNDER = {F32: 592453.0, F64: 574297621872118.0}
SCALE_OF_POWERS = {F32: 0.9988722171956954, F64: 1.0134073133717445122}
POWERS = {
    form: [SCALE_OF_POWERS[form] * 2.0 ** (j / 2**n) for j in range(2**n)] for form, n in STEPS_LOG2.items()
}
SERIES = {
    F32: (0.16685092446396754, 0.5000192859528354, 1.0),
    F64: (
        1.95777494349910431e-04,
        1.38885779443694346e-03,
        8.33333744948463374e-03,
        4.16666667521454587e-02,
        1.66666666664712770e-01,
        4.99999999999964101e-01,
        1.0,
    ),
}

MOST_LEFT = 0.35
"""More than |r| is for any x whose exponential is finite and not 0."""
# Below the first exp is 0, above the second half of it is infinite; between them n fits the scaling below.
BOUNDS = {F32: (-104.0, 90.0), F64: (-746.0, 711.0)}
# The same for exp2.
BOUNDS_OF_EXP2 = {F32: (-151.0, 129.0), F64: (-1076.0, 1025.0)}


def exp(x: LLVMValue, excess: LLVMValue | None = None) -> LLVMValue:
    """The exponential of x, or of x less `excess`, by which rounding has made it larger.

    Error, denormal results included: f32 0.884 ulp (every input), f64 0.75 (sampled).
    """
    if avx512.has_instructions(x):
        return bounded_and_scaled(*reduce_exponent_by_steps(x, excess))
    low, high = BOUNDS[x.format]
    bounded = x.at_most(high).at_least(low)
    shifted, _, r = reduce_exponent_by_steps(bounded, excess)
    return scale(exp_of_rest(shifted, r), whole_steps(shifted), bounded < 0.0)


def half_exp(x: LLVMValue) -> LLVMValue:
    """exp(x) / 2 for x from 0 on, which overflows where that does. Error: that of `exp`."""
    if avx512.has_instructions(x):
        shifted, y, r = reduce_exponent_by_steps(x, None)
        return bounded_and_scaled(shifted, y - 1.0, r)
    shifted, _, r = reduce_exponent_by_steps(x.at_most(BOUNDS[x.format][1]), None)
    n = whole_steps(shifted) - 1
    return scale(exp_of_rest(shifted, r), n, n < 0)


def exp2(x: LLVMValue) -> LLVMValue:
    """2 to the power of x: what is left of x after whole steps is exact, and a power of whole x is.

    Error, denormal results included: f32 0.88 ulp (every 16th input), f64 0.76 (sampled).
    """
    if avx512.has_instructions(x):
        return bounded_and_scaled(*reduce_by_steps(x))
    low, high = BOUNDS_OF_EXP2[x.format]
    bounded = x.at_most(high).at_least(low)
    shifted, _, r = reduce_by_steps(bounded)
    return scale(exp_of_rest(shifted, r), whole_steps(shifted), bounded < 0.0)


def bounded_and_scaled(shifted: LLVMValue, y: LLVMValue, r: LLVMValue) -> LLVMValue:
    """2^n exp(r), with AVX-512.

    n may be anything: `scaled` makes infinity and 0 of it. Only what is left must stay in its bounds.
    """
    return avx512.scaled(exp_of_rest(shifted, avx512.nearest_to_0(r, MOST_LEFT)), y)


def reduce_by_steps(x: LLVMValue) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """What `reduce_exponent_by_steps` gives for x ln 2."""
    rounder = ROUNDER[x.format]
    high, low = NEAREST_LN2[x.format]
    shifted = x + rounder
    y = shifted - rounder
    return shifted.bits(), y, fma(x - y, high, -rounder * low)


def whole_steps(shifted: LLVMValue) -> LLVMValue:
    """n, of the bits that a reduction gives."""
    return shifted - bits_of_rounder(shifted.format) >> STEPS_LOG2[shifted.format]


def reduce_exponent_by_steps(
    x: LLVMValue, excess: LLVMValue | None
) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(bits, y, r): y is x / ln 2 rounded to steps, the low bits are the number of the step, and r is what is left."""
    rounder = ROUNDER[x.format]
    high, low = NEAREST_LN2[x.format]
    shifted = fma(x, LOG2_E, rounder)
    y = shifted - rounder
    # Of the sum, so that ROUNDER times this part is in r.
    r = fma(shifted, -low, fma(y, -high, x))
    # Where both are NaN the difference is r.
    return shifted.bits(), y, r if excess is None else r - excess


def exp_of_rest(step: LLVMValue, r: LLVMValue) -> LLVMValue:
    """exp(x) over 2^n."""
    power = lookup("exp", POWERS[r.format], step)
    return fma(power * r, polynomial(r, SERIES[r.format]), power)


def bits_of_rounder(form: Format) -> int:
    """ROUNDER as an integer of its format."""
    return int(
        np.float32(ROUNDER[F32]).view(np.int32) if form is F32 else np.float64(ROUNDER[F64]).view(np.int64)
    )


def reduce_exponent(x: LLVMValue) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(n, k, r): x = n ln 2 + r, and k an integer whose low bits hold n, whatever its high bits.

    Adding 1.5 * 2^fraction rounds to an integer in the low bits; a conversion would be undefined for NaN.
    """
    rounder = x.format.rounder
    high, low = LN2[x.format]
    shifted = fma(x, LOG2_E, rounder)
    n = shifted - rounder
    return n, shifted.bits(), fma(n, -low, fma(n, -high, x))


def power_of_two(k: LLVMValue, bias: LLVMValue | int) -> LLVMValue:
    """2^n, times 2 to the difference between `bias`, a biased exponent in its place, and the format's own."""
    return ((k << k.format.fraction) + bias).as_float()


def scale(p: LLVMValue, k: LLVMValue, negative: LLVMValue) -> LLVMValue:
    """p * 2^n for p near 1, rounded once, into the denormals and into infinity.

    2^n alone may be out of range: its exponent is moved towards zero, and a second product moves it back.
    """
    form = p.format
    shift = (form.bias + 1) // 2
    up, down = ((form.bias + move) << form.fraction for move in (shift, -shift))
    near = power_of_two(k, select(negative, k.lift(up), down))
    return p * near * select(negative, p.lift(2.0**-shift), 2.0**shift)


# The same series, one term longer, with the least error of exp(r) - 1 relative to it: 2.4e-10 and 2.6e-19.
SERIES_OF_EXPM1 = {
    F32: (
        1.9845878482911e-4,
        1.3940624778751578e-3,
        8.333389361866228e-3,
        4.166636094367123e-2,
        1.6666666370514116e-1,
        5.000000044157236e-1,
    ),
    F64: (
        2.087533057646255e-09,
        2.510897627164105e-08,
        2.7557402633359034e-07,
        2.7557244381032458e-06,
        2.480158717255831e-05,
        1.9841269885959828e-04,
        1.3888888888962357e-03,
        8.333333333321693e-03,
        4.166666666666651e-02,
        1.6666666666666677e-01,
        0.5,
    ),
}
# Beyond the first expm1 is -1, beyond the second it is infinite.
BOUNDS_OF_EXPM1 = {F32: (-18.0, 89.0), F64: (-38.0, 710.0)}


def expm1(x: LLVMValue) -> LLVMValue:
    """exp(x) - 1 = 2^n p + (2^n - 1), where exp(r) = 1 + p: nothing cancels for small x.

    Half of it is computed, since 2^n alone may be too large. Error: f32 1.40 ulp (every 128th input), f64 1.80
    (sampled).
    """
    form = x.format
    low, high = BOUNDS_OF_EXPM1[form]
    _, k, r = reduce_exponent(x.at_most(high).at_least(low))
    half = power_of_two(k, (form.bias - 1) << form.fraction)
    result = fma(half, expm1_near_0(r), half - 0.5) * 2.0
    return select(x.absolute() < 2.0 ** (-2 - form.fraction), x, result)


def expm1_near_0(r: LLVMValue) -> LLVMValue:
    """exp(r) - 1 for |r| <= ln 2 / 2."""
    return fma(polynomial(r, SERIES_OF_EXPM1[r.format]), r * r, r)
