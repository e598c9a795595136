"""exp: x = n ln 2 + r with a small r, and exp(x) = 2^n exp(r); in f32 n has sixteenths, whose powers a table holds."""

from __future__ import annotations

from collections.abc import Callable
from math import e, log2
from typing import TypeAlias

import numpy as np

from pullback.backends.cpu.math import avx512
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select
from pullback.backends.cpu.math.table import lookup

LOG2_E = log2(e)

# ln 2 in two parts (Cody and Waite): the first is so short that its product with n is exact.
# Sources: Cephes's expf (S. Moshier) and fdlibm's e_exp.c (Sun Microsystems).
LN2 = {
    F32: (0.693359375, -2.12194440e-4),
    F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
SINGLE_LN2 = (0.6931471824645996, -1.9046542121259336e-09)
"""The f32 next to ln 2, and the rest: for a product and a difference that are rounded once."""

# In f32 x = (n + j / 16) ln 2 + r - OFFSET, |r - OFFSET| <= ln 2 / 32, and exp(x) = 2^n POWERS[j] (1 + r SERIES(r)).
# OFFSET is ROUNDER times the second part of ln 2. ROUNDER is whole, and the sum with it rounded to sixteenths; it
# was searched for so that all powers lie next to an f32, within .25 ulp of results. The polynomial is by Remez's
# algorithm, with an error of 1.1e-9, but for its last coefficient, 0.99999996.
ROUNDER = 592453.0
SCALE_OF_POWERS = 0.9988722171956954
POWERS = tuple(SCALE_OF_POWERS * 2.0 ** (j / 16) for j in range(16))
SERIES_BESIDE_POWERS = (0.16685092446396754, 0.5000192859528354, 1.0)

# In f64 (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2, highest power first, by Remez's algorithm, so that the error of
# exp(r), relative to it, is least: 3.6e-18.
SERIES = (
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
)

MOST_LEFT = 0.35
"""More than |r| is for any x whose exponential is finite and not 0."""
# Below the first exp is 0, above the second it is infinite; between them n fits the scaling below.
BOUNDS = {F32: (-104.0, 89.0), F64: (-746.0, 710.0)}


def exp(x: LLVMValue, excess: LLVMValue | None = None) -> LLVMValue:
    """The exponential of x, or of x less `excess`, by which rounding has made it larger.

    Error, denormal results included: f32 0.884 ulp (every input), f64 0.92 (sampled).
    """
    by_parts = exp_by_powers if x.format is F32 else exp_near_0
    if avx512.has_instructions(x):
        # n may be anything: `scaled` makes infinity and 0 of it. Only what is left must stay in its bounds.
        p, n, _ = by_parts(x, lambda r: avx512.nearest_to_0(less(r, excess), MOST_LEFT))
        return avx512.scaled(p, n)
    low, high = BOUNDS[x.format]
    bounded = x.at_most(high).at_least(low)
    p, _, k = by_parts(bounded, lambda r: less(r, excess))
    return scale(p, k, bounded < 0.0)


def less(r: LLVMValue, excess: LLVMValue | None) -> LLVMValue:
    """The difference of what is there; where both are NaN, r."""
    return r if excess is None else r - excess


Completing: TypeAlias = Callable[[LLVMValue], LLVMValue]
"""What makes the rest of x complete, and keeps it in its bounds."""


def exp_near_0(x: LLVMValue, complete: Completing) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(p, n, k): exp(x) = 2^n p, and the low bits of k hold n; p in as many multiplications as terms."""
    n, k, r = reduce_exponent(x)
    return polynomial(complete(r), (*SERIES, 1.0, 1.0)), n, k


def exp_by_powers(x: LLVMValue, complete: Completing) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(p, y, k): exp(x) = 2^n p, where n is the largest integer up to y, and the low bits of k hold it."""
    high, low = SINGLE_LN2
    shifted = fma(x, LOG2_E, ROUNDER)
    y = shifted - ROUNDER
    # Of the sum, so that ROUNDER times this part is in r.
    r = complete(fma(shifted, -low, fma(y, -high, x)))
    power = lookup("exp", POWERS, shifted.bits())
    p = fma(power * r, polynomial(r, SERIES_BESIDE_POWERS), power)
    return p, y, (shifted.bits() - int(np.float32(ROUNDER).view(np.int32))) >> 4


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
