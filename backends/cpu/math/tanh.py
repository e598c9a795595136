"""tanh(|x|) by tanh(n ln 2 / 2 + r), under the sign of x, so that tanh(-x) has the bits of -tanh(x)."""

from __future__ import annotations

from pullback.backends.cpu.math.exp import LN2, LOG2_E
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial

# Beyond, tanh rounds to 1.
BOUNDS = {F32: 9.02, F64: 19.07}

# Half of ln 2 in two parts. f32 needs no second one: the first is off by 2.7e-9 of itself, which counts less where n is
# larger.
HALF_LN2 = {F32: (0.34657359027997264, None), F64: (LN2[F64][0] / 2, LN2[F64][1] / 2)}

# (tanh(r) - r) / r^3 in r^2 for |r| <= ln 2 / 4, highest power first, by Remez's algorithm, so that the error of
# tanh(r), relative to it, is least: 1.6e-10 and 4.1e-18.
SERIES = {
    F32: (-0.05272678381550508, 0.133311827512593, -0.33333322711778163),
    F64: (
        3.444804809099595816e-03,
        -8.857306439687876691e-03,
        2.186937064487204915e-02,
        -5.396825278107476827e-02,
        1.333333333278320508e-01,
        -3.333333333333248405e-01,
    ),
}


def tanh(x: LLVMValue) -> LLVMValue:
    """The hyperbolic tangent. Error: f32 2.36 ulp (every input), f64 2.38 (sampled).

    With s = 2^n and t = tanh(r), by the addition theorem, it is (s - 1 + (s + 1) t) over 2 (1 - t) more: nothing
    cancels for small x, where s is 1, and for large ones what the numerator lost is in both. Half of both is computed.
    """
    form = x.format
    magnitude = x.absolute().at_most(BOUNDS[form])
    # The low bits of this sum are the biased exponent of s / 2, which the shift puts in its place.
    rounder = form.rounder + form.bias - 1
    shifted = fma(magnitude, 2 * LOG2_E, rounder)
    n = shifted - rounder
    high, low = HALF_LN2[form]
    r = fma(n, -high, magnitude)
    if low is not None:
        r = fma(n, -low, r)
    square = r * r
    t = fma(r * square, polynomial(square, SERIES[form]), r)
    half = (shifted.bits() << form.fraction).as_float()
    numerator = fma(half + 0.5, t, half - 0.5)
    return (numerator / (numerator + (1.0 - t))).with_sign_of(x)
