"""asin, acos, atan and atan2: a polynomial for arguments up to 1/2 or 1, to which identities lead from the others."""

from __future__ import annotations

from math import pi

from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

# pi / 2 and pi as the nearest float and the rest.
HALF_PI = {F32: (1.5707963705062866, -4.371139000186241e-08), F64: (pi / 2, 6.123233995736766e-17)}
PI = {form: (2 * high, 2 * low) for form, (high, low) in HALF_PI.items()}

# (asin(x) - x) / x^3 for |x| <= 1/2 and (atan(x) - x) / x^3 for |x| <= 1, both in x^2, highest power first, by Remez's
# algorithm, so that the errors of asin(x) and atan(x), relative to them, are least: 4.9e-9 and 1.5e-17, 2.7e-9 and
# 4.6e-18.
ASIN = {
    F32: (
        0.04215820133686066,
        0.02418481931090355,
        0.045469146221876144,
        0.074953094124794,
        0.16666752099990845,
    ),
    F64: (
        0.03191462373433799,
        -0.016227616523874618,
        0.019530360195771732,
        0.006527229197712416,
        0.012169379139105634,
        0.013885210822065916,
        0.0173597071563218,
        0.022371757899713827,
        0.030381959142860994,
        0.04464285682819659,
        0.07500000000337158,
        0.16666666666665408,
    ),
}
ATAN = {
    F32: (
        -0.0017826779512688518,
        0.010868280194699764,
        -0.03109656646847725,
        0.057881202548742294,
        -0.08399303257465363,
        0.10950880497694016,
        -0.14264015853405,
        0.1999852955341339,
        -0.33333298563957214,
    ),
    F64: (
        -2.02607223042406e-05,
        0.00022304298855136418,
        -0.0011641617031384794,
        0.0038562147233123156,
        -0.00918499553924074,
        0.016978609646462417,
        -0.025827360327191046,
        0.034068232154330934,
        -0.04092662414060279,
        0.04673960310031583,
        -0.05239236636366062,
        0.0587730871094427,
        -0.06665860545316024,
        0.07692212956425612,
        -0.09090901237999115,
        0.11111110678925522,
        -0.14285714271342262,
        0.1999999999975519,
        -0.3333333333333186,
    ),
}


def asin(x: LLVMValue) -> LLVMValue:
    """The inverse of the sine. Error: f32 1.62 ulp (every 16th input), f64 1.61 (sampled)."""
    is_near_1, arc, tail = halved_arc(x)
    high, low = HALF_PI[x.format]
    # Half the angle from 1 is counted twice.
    far = high - (arc + arc + fma(tail, 2.0, -low))
    return select(is_near_1, far, arc + tail).with_sign_of(x)


def acos(x: LLVMValue) -> LLVMValue:
    """The inverse of the cosine. Error: f32 1.12 ulp (every 16th input), f64 1.12 (sampled)."""
    is_near_1, arc, tail = halved_arc(x)
    high, low = HALF_PI[x.format]
    # acos(-x) = pi - acos(x).
    far = (arc + tail) * 2.0
    far = select(x < 0.0, 2 * high - (arc + arc + fma(tail, 2.0, -2 * low)), far)
    near = high - (arc.with_sign_of(x) + (tail.with_sign_of(x) - low))
    return select(is_near_1, far, near)


def halved_arc(x: LLVMValue) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(near 1, r, t): asin(|x|) is r + t for |x| up to 1/2, and acos(|x|) / 2 beyond; t is small beside r."""
    magnitude = x.absolute()
    is_near_1 = magnitude > 0.5
    # acos(a) = 2 asin(sqrt((1 - a) / 2)).
    half_rest = fma(magnitude, -0.5, 0.5)
    square = select(is_near_1, half_rest, magnitude * magnitude)
    r = select(is_near_1, half_rest.square_root(), magnitude)
    return is_near_1, r, polynomial(square, ASIN[x.format]) * square * r


def atan(x: LLVMValue) -> LLVMValue:
    """The inverse of the tangent. Error: f32 1.15 ulp (every 16th input), f64 1.22 (sampled)."""
    magnitude = x.absolute()
    is_large = magnitude > 1.0
    t = select(is_large, 1.0 / magnitude, magnitude)
    tail = arc_tail(t)
    high, low = HALF_PI[x.format]
    return select(is_large, high - (t + (tail - low)), t + tail).with_sign_of(x)


def atan2(y: LLVMValue, x: LLVMValue) -> LLVMValue:
    """The angle of the point (x, y), with the signs that IEEE 754 gives zeros and infinities.

    Error: f32 1.5 ulp, f64 1.7 (both sampled).
    """
    ordinate, abscissa = y.absolute(), x.absolute()
    is_steep = ordinate > abscissa
    small, large = select(is_steep, abscissa, ordinate), select(is_steep, ordinate, abscissa)
    # Two zeros and two infinities have no quotient; beside a zero there may be a NaN.
    t = select(small.equals(large), small.lift(1.0), small / large)
    t = select(large.equals(0.0), small, t)
    tail = arc_tail(t)
    # Of pi / 2 as many as lead from the octant to the angle, and the rest is added or taken away.
    is_left = x.lift(1.0).with_sign_of(x) < 0.0
    form = x.format
    high, low = (
        select(is_steep, x.lift(h), select(is_left, x.lift(p), 0.0))
        for h, p in zip(HALF_PI[form], PI[form], strict=True)
    )
    is_taken_away = is_steep ^ is_left
    signed = [select(is_taken_away, -v, v) for v in (t, tail)]
    return (high + (signed[0] + (signed[1] + low))).with_sign_of(y)


def arc_tail(t: LLVMValue) -> LLVMValue:
    """atan(t) - t for t from 0 to 1."""
    square = t * t
    return polynomial(square, ATAN[t.format]) * square * t
