"""log: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log(x) = e ln 2 + log(m)."""

from __future__ import annotations

from math import inf, nan, sqrt
from typing import TypeAlias

from pullback.backends.cpu.math import avx512
from pullback.backends.cpu.math.exp import LN2
from pullback.backends.cpu.math.lanes import F32, F64, Format, LLVMValue, fma, polynomial, select

# Cephes's logf (S. Moshier): (log(1 + r) - r + r^2 / 2) / r^3, highest power first.
CEPHES_F32 = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
# fdlibm's e_log.c (Sun Microsystems): (log((1 + s) / (1 - s)) - 2 s) / s^3 in s^2, highest power first.
FDLIBM_F64 = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)

Parts: TypeAlias = dict[Format, tuple[float, float]]
"""For each format a number as its nearest float and the rest."""
LOG2_E: Parts = {
    F32: (1.4426950216293335, 1.925963033500011e-08),
    F64: (1.4426950408889634, 2.0355273740931033e-17),
}
LOG10_E: Parts = {
    F32: (0.4342944920063019, -1.0103049952192578e-08),
    F64: (0.4342944819032518, 1.098319650216765e-17),
}
LOG10_2: Parts = {
    F32: (0.3010300099849701, -1.432098883924482e-08),
    F64: (0.3010299956639812, -2.8037281277851704e-18),
}


def split(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """(e, m): x = 2^e m with m in [sqrt(1/2), sqrt(2)), for positive finite x, denormals included."""
    form = x.format
    if avx512.has_instructions(x):
        bits = avx512.significand(x).bits()
        above = (bits - root_half_bits(x)) >> form.fraction
        return avx512.exponent(x) + above.to_float(), (bits - (above << form.fraction)).as_float()
    small = x < form.smallest_normal
    bits = select(small, x * 2.0**form.fraction, x).bits()
    # Counted from sqrt(1/2), the exponent field changes where m must wrap.
    e = (bits - root_half_bits(x)) >> form.fraction
    m = (bits - (e << form.fraction)).as_float()
    return e.to_float() - select(small, x.lift(float(form.fraction)), 0.0), m


def root_half_bits(x: LLVMValue) -> int:
    """The bits of sqrt(1/2) in the format of x."""
    form = x.format
    return (form.bias - 1 << form.fraction) + int((2 * sqrt(0.5) - 1) * 2**form.fraction)


def with_special_values(x: LLVMValue, logarithm: LLVMValue) -> LLVMValue:
    """-inf at zeros, NaN below, and x itself where it is infinite or NaN."""
    if avx512.has_instructions(x):
        return avx512.with_special_logarithms(x, logarithm)
    # The NaN of the processor, which is negative.
    zero_or_less = select(x.equals(0.0), -inf, select(x < 0.0, -nan, x))
    return select((x > 0.0) & (x < inf), logarithm, zero_or_less)


def log(x: LLVMValue) -> LLVMValue:
    """The natural logarithm. Error, denormals included: f32 0.827 ulp (every 16th input), f64 0.83 (sampled)."""
    e, m = split(x)
    return with_special_values(x, reassembled(e, m - 1.0))


def log1p(x: LLVMValue) -> LLVMValue:
    """log(1 + x): the logarithm of the rounded sum, and what was rounded off over the sum.

    Error: f32 0.81 ulp (every 128th input), f64 0.75 (sampled).
    """
    # What Knuth's TwoSum says was rounded off.
    total = x + 1.0
    one = total - x
    lost = (x - (total - one)) + (1.0 - one)
    e, m = split(total)
    # A -0 is lost on the way.
    return with_special_values(total, reassembled(e, m - 1.0, lost / total)).with_sign_of(x)


def log2(x: LLVMValue) -> LLVMValue:
    """The logarithm to base 2, exact for powers of 2. Error: f32 0.95 ulp (every 16th input), f64 0.97 (sampled)."""
    return of_base(x, LOG2_E, {F32: (1.0, 0.0), F64: (1.0, 0.0)})


def log10(x: LLVMValue) -> LLVMValue:
    """The logarithm to base 10, exact for powers of 10. Error: f32 0.97 ulp (every 16th input), f64 0.91 (sampled)."""
    return of_base(x, LOG10_E, LOG10_2)


def of_base(x: LLVMValue, of_e: Parts, of_2: Parts) -> LLVMValue:
    """The logarithm to a base of which those of e and 2 are given: log(m) of_e + e of_2."""
    form = x.format
    (high_e, low_e), (high_2, low_2) = of_e[form], of_2[form]
    e, m = split(x)
    r = m - 1.0
    tail = fma(r, low_e, (tail_f32 if form is F32 else tail_f64)(r) * high_e)
    tail = fma(e, low_2, tail) if low_2 else tail
    # The terms from the smallest to the largest, which is exact for base 2.
    return with_special_values(x, fma(e, high_2, fma(r, high_e, tail)))


def tail_f32(r: LLVMValue) -> LLVMValue:
    """log(1 + r) - r by Cephes's polynomial."""
    square = r * r
    return fma(square, -0.5, polynomial(r, CEPHES_F32) * r * square)


def tail_f64(r: LLVMValue) -> LLVMValue:
    """log(1 + r) - r by fdlibm's formula, in s = r / (2 + r)."""
    s = r / (r + 2.0)
    square = s * s
    half = r * r * 0.5
    return s * (half + polynomial(square, FDLIBM_F64) * square) - half


def reassembled(e: LLVMValue, r: LLVMValue, rest: LLVMValue | None = None) -> LLVMValue:
    """e ln 2 + log(1 + r) + rest."""
    return (log_f32 if r.format is F32 else log_f64)(e, r, rest)


def log_f32(e: LLVMValue, r: LLVMValue, rest: LLVMValue | None = None) -> LLVMValue:
    """e ln 2 + log(1 + r) + rest by Cephes's polynomial, terms added from the smallest to the largest."""
    square = r * r
    ln2_high, ln2_low = LN2[F32]
    tail = fma(e, ln2_low, polynomial(r, CEPHES_F32) * r * square)
    tail = tail if rest is None else tail + rest
    return fma(e, ln2_high, r + fma(square, -0.5, tail))


def log_f64(e: LLVMValue, r: LLVMValue, rest: LLVMValue | None = None) -> LLVMValue:
    """e ln 2 + log(1 + r) + rest by fdlibm's formula, in s = r / (2 + r)."""
    ln2_high, ln2_low = LN2[F64]
    s = r / (r + 2.0)
    square = s * s
    half = r * r * 0.5
    tail = fma(e, ln2_low, s * (half + polynomial(square, FDLIBM_F64) * square))
    tail = tail if rest is None else tail + rest
    return fma(e, ln2_high, r - (half - tail))
