"""tanh(x) = (1 - exp(-2x)) / (1 + exp(-2x)), by the reduction of exp(-x), which the logistic function takes as well."""

from __future__ import annotations

from pullback.backends.cpu.math.exp import BOUNDS as BOUNDS_OF_EXP
from pullback.backends.cpu.math.exp import exp_minus_1_and_rest, power_of_two, reduce_exponent, scale
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue, fma, select

# Beyond, tanh rounds to 1.
BOUNDS = {F32: 9.02, F64: 19.07}


def tanh(x: LLVMValue) -> LLVMValue:
    """The hyperbolic tangent. Error: f32 2.50 ulp (every input), f64 2.50 (sampled)."""
    bound = BOUNDS[x.format]
    k, r = reduce_exponent((-x).at_most(bound).at_least(-bound))
    return from_exponential(x, k, r, *exp_minus_1_and_rest(r))


def tanh_exp_of_minus(x: LLVMValue) -> tuple[LLVMValue, LLVMValue]:
    """tanh(x) and exp(-x), of one reduction: the bits of `tanh` and `exp`."""
    low, high = BOUNDS_OF_EXP[x.format]
    bounded = (-x).at_most(high).at_least(low)
    k, r = reduce_exponent(bounded)
    p, rest = exp_minus_1_and_rest(r)
    one = x.lift(1.0).with_sign_of(x)
    value = select(x.absolute() > BOUNDS[x.format], one, from_exponential(x, k, r, p, rest))
    return value, scale(p + 1.0, k, bounded < 0.0)


def from_exponential(x: LLVMValue, k: LLVMValue, r: LLVMValue, p: LLVMValue, rest: LLVMValue) -> LLVMValue:
    """tanh(x), where -x = n ln 2 + r, the low bits of k are those of n, and exp(r) = 1 + p = 1 + r + rest.

    With exp(-2x) = 4^n (1 + 2q) the numerator keeps q apart from the powers of two: nothing cancels for small x. The
    denominator is 2 more, so that where both are large what the numerator lost is in both, and their ratio right.
    """
    form = x.format
    q = r + fma(p * 0.5, p, rest)
    twice = power_of_two(k << 1, (form.bias + 1) << form.fraction)
    numerator = fma(twice, q, fma(twice, 0.5, -1.0))
    return (numerator / (numerator + 2.0)).with_sign_of(x)
