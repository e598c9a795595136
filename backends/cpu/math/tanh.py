"""tanh(x) = (exp(2|x|) - 1) / (exp(2|x|) + 1), under the sign of x, so that tanh(-x) has the bits of -tanh(x)."""

from __future__ import annotations

from pullback.backends.cpu.math.exp import LN2, LOG2_E
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial

# Beyond, tanh rounds to 1.
BOUNDS = {F32: 9.02, F64: 19.07}

# Half of ln 2 in two parts. f32 needs no second one: the first is off by 2.7e-9 of itself, which counts less where n is
# larger.
HALF_LN2 = {F32: (0.34657359027997264, None), F64: (LN2[F64][0] / 2, LN2[F64][1] / 2)}

# (exp(2r) - 1 - 2r) / (2 r^2) for |r| <= ln 2 / 4, highest power first. For f64 by Remez's algorithm, so that the error
# of r + r^2 times this, in units of itself, is least: 2.6e-19. For f32 by a search from there (4.0e-8) for the least
# error of tanh, roundings included.
SERIES = {
    F32: (0.044763267040252686, 0.13378523290157318, 0.333326131105423, 0.6666633486747742, 1.0),
    F64: (
        4.27527278042278992e-06,
        2.571159490070300094e-05,
        1.41093901081886081e-04,
        7.054654559390512368e-04,
        3.174603158099340627e-03,
        1.269841272701926359e-02,
        4.444444444467937739e-02,
        1.333333333331470533e-01,
        3.333333333333320716e-01,
        6.666666666666670603e-01,
        1.0,
    ),
}


def tanh(x: LLVMValue) -> LLVMValue:
    """The hyperbolic tangent. Error: f32 2.46 ulp (every input), f64 2.43 (sampled).

    With exp(2|x|) = 2^n (1 + 2q) the numerator keeps q apart from the power of two: nothing cancels for small x. The
    denominator is 2 more, so that where both are large what the numerator lost is in both, and their ratio right.
    """
    form = x.format
    magnitude = x.absolute().at_most(BOUNDS[form])
    # The low bits of this sum are the biased exponent of 2^(n + 1), which the shift puts in its place.
    rounder = form.rounder + form.bias + 1
    shifted = fma(magnitude, 2 * LOG2_E, rounder)
    n = shifted - rounder
    high, low = HALF_LN2[form]
    r = rough = fma(n, -high, magnitude)
    if low is None:
        q = fma(r * r, polynomial(r, SERIES[form]), r)
    else:
        r = fma(n, -low, rough)
        q = rough + fma(n, -low, r * r * polynomial(r, SERIES[form]))
    twice = (shifted.bits() << form.fraction).as_float()
    numerator = fma(twice, q, fma(twice, 0.5, -1.0))
    return (numerator / (numerator + 2.0)).with_sign_of(x)
