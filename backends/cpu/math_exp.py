"""exp: x = n ln 2 + r with |r| <= ln 2 / 2, and exp(x) = 2^n exp(r)."""

from __future__ import annotations

from collections.abc import Sequence
from math import e, factorial, log2

from pullback.backends.cpu.lanes import Lanes, fma, polynomial, select

LOG2_E = log2(e)
# Cephes's expf (S. Moshier): (exp(r) - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2], highest power first.
CEPHES_F32 = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
# Taylor's series to r^13 / 13!: its remainder, 0.3466^14 / 14! = 4e-18, is far below half an ulp (1.1e-16).
TAYLOR_F64 = tuple(1 / factorial(k) for k in range(13, 1, -1))


def reduce_exponent(x: Lanes, ln2: tuple[float, float]) -> tuple[Lanes, Lanes]:
    """(k, r): x = n ln 2 + r, and k an integer whose low bits hold n, whatever its high bits.

    Adding 1.5 * 2^fraction rounds to an integer in the low bits; a conversion would be undefined for NaN.
    `ln2` is ln 2 in two parts, the first short enough that its product with n is exact (Cody and Waite).
    """
    rounder = x.body.format.rounder
    shifted = fma(x, LOG2_E, rounder)
    n = shifted - rounder
    r = fma(n, -ln2[1], fma(n, -ln2[0], x))
    return shifted.bits(), r


def scale(p: Lanes, k: Lanes, negative: Lanes) -> Lanes:
    """p * 2^n for p near 1, rounded once, into the denormals and into infinity.

    2^n alone may be out of range: the exponent goes 64 (f64: 512) towards zero, and a product restores it.
    """
    form = p.body.format
    shift = (form.bias + 1) // 2
    exponent = (k << form.fraction) + select(
        negative, p.body.constant(shift << form.fraction, k.type), -(shift << form.fraction)
    )
    return (p.bits() + exponent).as_float() * select(negative, 2.0**-shift, 2.0**shift)


def exponential(
    x: Lanes, bounds: tuple[float, float], ln2: tuple[float, float], series: Sequence[float]
) -> Lanes:
    """exp within `bounds`, where it passes from zero to infinity."""
    bounded = x.at_most(bounds[1]).at_least(bounds[0])
    k, r = reduce_exponent(bounded, ln2)
    p = fma(polynomial(r, series), r * r, r) + 1.0
    return scale(p, k, bounded < 0.0)


def exp_f32(x: Lanes) -> Lanes:
    """Error: at most 1.1 ulp over all floats, denormal results included."""
    return exponential(x, (-104.0, 89.0), (0.693359375, -2.12194440e-4), CEPHES_F32)


def exp_f64(x: Lanes) -> Lanes:
    """Error: at most 1 ulp, denormal results included. The parts of ln 2 are fdlibm's (e_exp.c)."""
    ln2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    return exponential(x, (-746.0, 710.0), ln2, TAYLOR_F64)
