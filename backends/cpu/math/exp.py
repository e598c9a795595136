"""exp: x = n ln 2 + r with |r| <= ln 2 / 2, and exp(x) = 2^n exp(r)."""

from __future__ import annotations

from math import e, factorial, log2

from pullback.backends.cpu.llvm_types import element_type, length, size_in_bytes, spell
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, polynomial, select

LOG2_E = log2(e)
WIDEST = 512
"""Bits of the vectors that AVX-512 scales."""
SUFFIXES = {F32: "ps", F64: "pd"}
"""The ends of its instructions' names."""
CURRENT_ROUNDING = 4
"""How they are told to round as the processor is set to."""

# ln 2 in two parts (Cody and Waite): the first is so short that its product with n is exact.
# Sources: Cephes's expf (S. Moshier) and fdlibm's e_exp.c (Sun Microsystems).
LN2 = {
    F32: (0.693359375, -2.12194440e-4),
    F64: (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}

# (exp(r) - 1 - r) / r^2, highest power first.
SERIES = {
    # Cephes's expf.
    F32: (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    ),
    # Taylor's series to r^13 / 13!: the rest, 0.3466^14 / 14! = 4e-18, is far below half an ulp, 1.1e-16.
    F64: tuple(1 / factorial(k) for k in range(13, 1, -1)),
}

# Below the first exp is 0, above the second it is infinite; between them n fits the scaling below.
BOUNDS = {F32: (-104.0, 89.0), F64: (-746.0, 710.0)}


def exp(x: LLVMValue) -> LLVMValue:
    """The exponential. Error, denormal results included: f32 1.011 ulp (every input), f64 0.98 (sampled)."""
    low, high = BOUNDS[x.format]
    bounded = x.at_most(high).at_least(low)
    n, k, r = reduce_exponent(bounded)
    p = exp_minus_1(r) + 1.0
    scaled = scaled_at_once(p, n)
    return scale(p, k, bounded < 0.0) if scaled is None else scaled


def reduce_exponent(x: LLVMValue) -> tuple[LLVMValue, LLVMValue, LLVMValue]:
    """(n, k, r): x = n ln 2 + r, and k an integer whose low bits hold n, whatever its high bits.

    Adding 1.5 * 2^fraction rounds to an integer in the low bits; a conversion would be undefined for NaN.
    """
    rounder = x.format.rounder
    high, low = LN2[x.format]
    shifted = fma(x, LOG2_E, rounder)
    n = shifted - rounder
    return n, shifted.bits(), fma(n, -low, fma(n, -high, x))


def exp_minus_1(r: LLVMValue) -> LLVMValue:
    """exp(r) - 1 for |r| <= ln 2 / 2."""
    return fma(polynomial(r, SERIES[r.format]), r * r, r)


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


def scaled_at_once(p: LLVMValue, n: LLVMValue) -> LLVMValue | None:
    """p * 2^n, rounded once, by AVX-512's own instruction in place of the seven of `scale`; None without it.

    Both give the same bits.
    """
    from pullback.backends.cpu.machine import has_feature  # loads LLVM, which takes a while

    lanes, bits = length(p.type), 8 * size_in_bytes(element_type(p.type))
    if lanes is None or lanes * bits != WIDEST or not has_feature("avx512f"):
        return None
    vector = spell(p.type)
    name = f"@llvm.x86.avx512.mask.scalef.{SUFFIXES[p.format]}.{WIDEST}"
    p.body.declarations.add(f"declare {vector} {name}({vector}, {vector}, {vector}, i{lanes}, i32)")
    # In every lane, and rounded as everything else is.
    operands = f"{vector} {p.text}, {vector} {n.text}, {vector} poison, i{lanes} -1, i32 {CURRENT_ROUNDING}"
    return p.body.emit(p.type, f"call {vector} {name}({operands})")


# Beyond the first expm1 is -1, beyond the second it is infinite.
BOUNDS_OF_EXPM1 = {F32: (-18.0, 89.0), F64: (-38.0, 710.0)}


def expm1(x: LLVMValue) -> LLVMValue:
    """exp(x) - 1 = 2^n p + (2^n - 1), where exp(r) = 1 + p: nothing cancels for small x.

    Half of it is computed, since 2^n alone may be too large. Error: f32 1.43 ulp (every 128th input), f64 1.67
    (sampled).
    """
    form = x.format
    low, high = BOUNDS_OF_EXPM1[form]
    _, k, r = reduce_exponent(x.at_most(high).at_least(low))
    half = power_of_two(k, (form.bias - 1) << form.fraction)
    result = fma(half, exp_minus_1(r), half - 0.5) * 2.0
    return select(x.absolute() < 2.0 ** (-2 - form.fraction), x, result)
