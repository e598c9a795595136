"""sinh and cosh from one exponential, and their inverses and that of tanh from `log1p`."""

from __future__ import annotations

from math import log, nan

from pullback.backends.cpu.math.exp import half_exp
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select
from pullback.backends.cpu.math.log import log1p

# (sinh(x) - x) / x^3 in x^2 for |x| <= 1, highest power first, by Remez's algorithm, so that the error of sinh(x),
# relative to it, is least: 3.0e-10 and 2.5e-19.
SERIES = {
    F32: (2.7822120500786696e-06, 0.00019842895562760532, 0.00833331048488617, 0.1666666716337204),
    F64: (
        7.776616377871042e-13,
        1.6056658926764978e-10,
        2.5052130999731643e-08,
        2.75573191067555e-06,
        0.0001984126984159341,
        0.008333333333332912,
        0.16666666666666669,
    ),
}
# Beyond, x^2 is left out: asinh and acosh are log(2 x), and the square might overflow.
LARGE = {F32: 2.0**60, F64: 2.0**500}


def sinh(x: LLVMValue) -> LLVMValue:
    """The hyperbolic sine. Error: f32 1.66 ulp (every 16th input), f64 1.65 (sampled)."""
    return near_sinh(x, *halves(x))


def cosh(x: LLVMValue) -> LLVMValue:
    """The hyperbolic cosine. Error: f32 1.26 ulp (every 16th input), f64 1.10 (sampled)."""
    large, small = halves(x)
    return large + small


def sinh_cosh(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """The hyperbolic sine and cosine, of one exponential: the bits of `sinh` and `cosh`."""
    large, small = halves(x)
    return near_sinh(x, large, small), large + small


def halves(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """exp(|x|) / 2, and exp(-|x|) / 2."""
    large = half_exp(x.absolute())
    return large, 0.25 / large


def near_sinh(x: LLVMValue, large: LLVMValue, small: LLVMValue) -> LLVMValue:
    """The hyperbolic sine from what `halves` gives: by a series where their difference would cancel."""
    magnitude = x.absolute()
    square = magnitude * magnitude
    near = fma(polynomial(square, SERIES[x.format]), square * magnitude, magnitude)
    return select(magnitude < 1.0, near, large - small).with_sign_of(x)


def asinh(x: LLVMValue) -> LLVMValue:
    """The inverse of `sinh`: log(1 + a + a^2 / (1 + sqrt(1 + a^2))) for a = |x|, in which nothing cancels.

    Error: f32 1.78 ulp (every 16th input), f64 1.54 (sampled).
    """
    magnitude = x.absolute()
    square = magnitude * magnitude
    rest = square / ((square + 1.0).square_root() + 1.0)
    return log1p_doubled(magnitude, magnitude + rest).with_sign_of(x)


def acosh(x: LLVMValue) -> LLVMValue:
    """The inverse of `cosh`: log(1 + t + sqrt(t^2 + 2 t)) for t = x - 1.

    Error: f32 1.97 ulp (every 16th input), f64 1.99 (sampled).
    """
    t = x - 1.0
    root = fma(t, t, t + t).square_root()
    return select(x < 1.0, nan, log1p_doubled(x, t + root))


def log1p_doubled(x: LLVMValue, y: LLVMValue) -> LLVMValue:
    """log(1 + y), but log(2 x) where x is large."""
    is_large = x > LARGE[x.format]
    return log1p(select(is_large, x, y)) + select(is_large, x.lift(log(2)), 0.0)


def atanh(x: LLVMValue) -> LLVMValue:
    """The inverse of `tanh`: half of log(1 + 2 a / (1 - a)) for a = |x|.

    Error: f32 1.98 ulp (every 16th input), f64 1.84 (sampled).
    """
    magnitude = x.absolute()
    return (log1p((magnitude + magnitude) / (1.0 - magnitude)) * 0.5).with_sign_of(x)
