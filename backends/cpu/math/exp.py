"""exp: x = n ln 2 + r with |r| <= ln 2 / 2, and exp(x) = 2^n exp(r)."""

from __future__ import annotations

from math import e, log2

from pullback.backends.cpu.math import avx512
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

LOG2_E = log2(e)

# ln 2 in two parts (Cody and Waite): the first is so short that its product with n is exact.
# Sources: Cephes's expf (S. Moshier) and fdlibm's e_exp.c (Sun Microsystems).
LN2 = {
    F32: (0.693359375, -2.12194440e-4),
    F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}

# (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2, highest power first, by Remez's algorithm, so that the error of exp(r),
# relative to it, is least: 3.1e-9 and 3.6e-18. For f32 by a search from there for the least error of exp, roundings
# included.
SERIES = {
    F32: (
        1.3803765177726746e-3,
        8.369036950170994e-3,
        4.166848212480545e-2,
        1.6666516661643982e-1,
        4.999999403953552e-1,
    ),
    F64: (
        2.5000064146754493e-08,
        2.763024493693077e-07,
        2.7557586348270968e-06,
        2.480149310778186e-05,
        1.9841269506626526e-04,
        1.3888888943622394e-03,
        8.333333333494432e-03,
        4.166666666653018e-02,
        1.6666666666666413e-01,
        5.000000000000011e-01,
    ),
}

MOST_LEFT = 0.35
"""More than |r| is for any x whose exponential is finite and not 0."""
# Below the first exp is 0, above the second it is infinite; between them n fits the scaling below.
BOUNDS = {F32: (-104.0, 89.0), F64: (-746.0, 710.0)}


def exp(x: LLVMValue) -> LLVMValue:
    """The exponential. Error, denormal results included: f32 0.901 ulp (every input), f64 0.92 (sampled)."""
    if avx512.has_instructions(x):
        # n may be anything: `scaled` makes infinity and 0 of it. Only what is left must stay in its bounds.
        n, _, r = reduce_exponent(x)
        return avx512.scaled(exp_near_0(avx512.nearest_to_0(r, MOST_LEFT)), n)
    low, high = BOUNDS[x.format]
    bounded = x.at_most(high).at_least(low)
    _, k, r = reduce_exponent(bounded)
    return scale(exp_near_0(r), k, bounded < 0.0)


def reduce_exponent(x: LLVMValue) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(n, k, r): x = n ln 2 + r, and k an integer whose low bits hold n, whatever its high bits.

    Adding 1.5 * 2^fraction rounds to an integer in the low bits; a conversion would be undefined for NaN.
    """
    rounder = x.format.rounder
    high, low = LN2[x.format]
    shifted = fma(x, LOG2_E, rounder)
    n = shifted - rounder
    return n, shifted.bits(), fma(n, -low, fma(n, -high, x))


def exp_near_0(r: LLVMValue) -> LLVMValue:
    """exp(r) for |r| <= ln 2 / 2, in as many multiplications as terms."""
    return polynomial(r, (*SERIES[r.format], 1.0, 1.0))


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
