"""fmod: the remainder of a division rounded towards 0, which is exact."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.backends.cpu.math.lanes import LLVMValue, fma, select


def fmod(a: LLVMValue, b: LLVMValue) -> LLVMValue:
    """a - b n for the quotient n rounded towards 0, under the sign of a, exactly; NaN where a is infinite or b is 0.

    The rounded quotient may be one too large, and never too small. With all bits of n there, one fused operation has
    the remainder exactly. Larger quotients are left to the C library.
    """
    largest = 2.0 ** (a.format.fraction - 1)
    dividend, divisor = a.absolute(), b.absolute()
    quotient = dividend / divisor

    def compute(a: LLVMValue, values: Sequence[LLVMValue]) -> list[LLVMValue]:
        near, b = values
        is_near = a.absolute() / b.absolute() < largest
        return [select(is_near, near, a.body.by_lane("fmod", a, b)), b]

    rest = fma(-quotient.whole(), divisor, dividend)
    rest = select(rest < 0.0, rest + divisor, rest)
    # Also of what is finite by infinity.
    rest = select(dividend < divisor, dividend, rest).with_sign_of(a)
    return a.body.rarely(quotient.compare("oge", largest), "fmod_of_large", compute, a, [rest, b])[0]
