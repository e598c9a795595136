"""Powers of integers, modulo the width of their type."""

from __future__ import annotations

from pullback.backends.cpu.llvm_types import element_type, integer_width
from pullback.backends.cpu.math.lanes import LLVMValue, select


def ipowi(a: LLVMValue, b: LLVMValue) -> LLVMValue:
    """a to the power of b by squaring; of negative powers only those of 1 and -1 leave something, the others are 0."""
    is_negative = b < 0
    unit = select(a.equals(1), a.lift(1), select(a.equals(-1), a.lift(-1), a.lift(0)))
    base = select(is_negative, unit, a)
    left = select(is_negative, select(unit.equals(0), b.lift(1), b & b.lift(1)), b)
    result = a.lift(1)
    for bit in range(integer_width(element_type(a.type)) - 1):
        is_set = (left & left.lift(1 << bit)).compare("ne", 0)
        result = select(is_set, result * base, result)
        base = base * base
    return result
