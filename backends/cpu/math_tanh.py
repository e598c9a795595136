"""tanh."""

from __future__ import annotations

from pullback.backends.cpu.lanes import Lanes, fma, polynomial, select
from pullback.backends.cpu.math_exp import exp_f64

# Eigen's generic_fast_tanh_float: x P(x^2) / Q(x^2), highest power first.
NUMERATOR_F32 = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
DENOMINATOR_F32 = (
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)
# Cephes's tanh.c (S. Moshier): (tanh(x) - x) / x^3 in x^2 for |x| < 0.625, highest power first.
NUMERATOR_F64 = (
    -9.64399179425052238628e-1,
    -9.92877231001918586564e1,
    -1.61468768441708447952e3,
)
DENOMINATOR_F64 = (
    1.0,
    1.12811678491632931402e2,
    2.23548839060100448583e3,
    4.84406305325125486048e3,
)


def tanh_f32(x: Lanes) -> Lanes:
    """Error: at most 3 ulp."""
    # Beyond this bound the quotient is 1.
    bound = 7.90531110763549805
    bounded = x.at_most(bound).at_least(-bound)
    square = bounded * bounded
    quotient = bounded * polynomial(square, NUMERATOR_F32) / polynomial(square, DENOMINATOR_F32)
    # For tiny x the quotient's coefficients are off by an ulp, and tanh(x) rounds to x.
    return select(x.absolute() < 0.0004, x, quotient)


def tanh_f64(x: Lanes) -> Lanes:
    """Error: at most 2 ulp: a rational function for small x, 1 - 2 / (exp(2 |x|) + 1) for others."""
    magnitude = x.absolute()
    square = x * x
    correction = polynomial(square, NUMERATOR_F64) / polynomial(square, DENOMINATOR_F64)
    small = fma(x * square, correction, x)
    large = 1.0 - 2.0 / (exp_f64(magnitude + magnitude) + 1.0)
    return select(magnitude < 0.625, small, large.with_sign_of(x))
