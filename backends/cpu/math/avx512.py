"""Instructions of AVX-512 on whole vectors, for which LLVM has no word of its own.

Each takes the place of several others, comparisons above all, which make masks where a multiplication could be made,
and gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from pullback.backends.cpu.llvm_types import element_type, length, size_in_bytes, spell
from pullback.backends.cpu.math.lanes import F32, F64, LLVMValue

WIDEST = 512
"""Bits of these vectors."""
SUFFIXES = {F32: "ps", F64: "pd"}
"""The ends of the instructions' names."""
CURRENT_ROUNDING = 4
"""How they are told to round as the processor is set to."""
NEAREST_TO_0 = 0b0010
"""How `vrange` is told to take the smaller magnitude, under the sign of the first operand."""
FROM_1_TO_2 = 0
"""How `vgetmant` is told the range of what it gives."""
KEEP, QUIET, INVALID, MINUS_INFINITY, INFINITY = 0, 2, 3, 4, 5
"""What `vfixupimm` is told to give: its first operand, the NaN that it finds, a new NaN, an infinity."""


def has_instructions(x: LLVMValue) -> bool:
    """Whether they are there for vectors of this type: with AVX-512, for whole ones."""
    from pullback.backends.cpu.machine import has_feature  # loads LLVM, which takes a while

    lanes, bits = length(x.type), 8 * size_in_bytes(element_type(x.type))
    return lanes is not None and lanes * bits == WIDEST and has_feature("avx512f") and has_feature("avx512dq")


def scaled(p: LLVMValue, n: LLVMValue) -> LLVMValue:
    """p * 2^n, rounded once."""
    return _instruction("scalef", [p, n], masked=True)


def nearest_to_0(x: LLVMValue, bound: float) -> LLVMValue:
    """x where it is between -bound and bound, else one of these; of NaN, too."""
    return _instruction("range", [x, x.lift(bound), NEAREST_TO_0], masked=True)


def exponent(x: LLVMValue) -> LLVMValue:
    """The largest e such that 2^e is at most |x|, as a float; of denormals, too."""
    return _instruction("getexp", [x], masked=True)


def significand(x: LLVMValue) -> LLVMValue:
    """x over 2 to its exponent; of denormals, too."""
    return _instruction("getmant", [x, FROM_1_TO_2], masked=True)


def with_special_logarithms(x: LLVMValue, logarithm: LLVMValue) -> LLVMValue:
    """`logarithm` where x is positive and finite, else what the logarithm of x is."""
    # In this order: quiet and signalling NaNs, zeros, one, both infinities, negative and positive numbers.
    kinds = (QUIET, QUIET, MINUS_INFINITY, KEEP, INVALID, INFINITY, INVALID, KEEP)
    table = sum(answer << 4 * kind for kind, answer in enumerate(kinds))
    return _instruction("fixupimm", [logarithm, x, x.bits().lift(table), 0], masked=False)


def _instruction(name: str, operands: Sequence[LLVMValue | int], *, masked: bool) -> LLVMValue:
    """An instruction of vectors and modes, in every lane; some have an operand for the lanes that a mask leaves out."""
    x = next(o for o in operands if isinstance(o, LLVMValue))
    body, vector, lanes = x.body, spell(x.type), length(x.type)
    typed = [(spell(o.type), o.text) if isinstance(o, LLVMValue) else ("i32", str(o)) for o in operands]
    typed += [*([(vector, "poison")] if masked else []), (f"i{lanes}", "-1"), ("i32", str(CURRENT_ROUNDING))]
    function = f"@llvm.x86.avx512.mask.{name}.{SUFFIXES[x.format]}.{WIDEST}"
    body.declarations.add(f"declare {vector} {function}({', '.join(type for type, _ in typed)})")
    return body.emit(x.type, f"call {vector} {function}({', '.join(' '.join(pair) for pair in typed)})")
