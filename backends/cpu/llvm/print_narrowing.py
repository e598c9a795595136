"""Prints `arith.truncf`: rounds to a narrower float, where LLVM would call a library or be inexact, too.

From f64 to f16 LLVM calls a function that no library of ours has, and to bf16 it takes an instruction of some machines
that makes zeros of the smallest numbers.
"""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, Float64Type
from xdsl.ir import Attribute

from pullback.backends.cpu.llvm.function_printer import FunctionPrinter, is_matrix, row_of
from pullback.backends.cpu.llvm_types import element_type, length, spell

DROPPED = 29
"""Bits of a fraction that f64 has more than f32."""


def narrowed(p: FunctionPrinter, op: arith.TruncFOp) -> None:
    """Prints the rounding to nearest, ties to even; of a matrix row by row."""
    type, element = op.input.type, element_type(op.result.type)
    lanes, source = _Lanes(row_of(type) if is_matrix(type) else type), element_type(type)
    rows = [_rounded(p, text, lanes, source, element) for text in p.rows(op.input)]
    p.set_rows(op.result, [p.temporary(op.result.name_hint or "v", right_side) for right_side in rows])


def _rounded(p: FunctionPrinter, text: str, at: _Lanes, source: Attribute, target: Attribute) -> str:
    """The right side of the last instruction of the rounding of one value, or of all lanes of one."""
    if isinstance(source, Float64Type) and isinstance(target, Float16Type):
        text = _odd(p, text, at)
    if isinstance(source, Float64Type) and not isinstance(target, Float32Type):
        text = p.temporary("single", f"fptrunc {at.of('double')} {text} to {at.of('float')}")
        source = Float32Type()
    if isinstance(target, BFloat16Type):
        bits = _bfloat16_bits(p, text, at)
        return f"bitcast {at.of('i16')} {bits} to {at.of('bfloat')}"
    return f"fptrunc {at.of(spell(source))} {text} to {at.of(spell(target))}"


class _Lanes:
    """Spells types and constants for a scalar, or for all lanes of a vector."""

    def __init__(self, like: Attribute) -> None:
        self.count = length(like)

    def of(self, element: str) -> str:
        return element if self.count is None else f"<{self.count} x {element}>"

    def number(self, element: str, value: int) -> str:
        return str(value) if self.count is None else f"splat ({element} {value})"


def _odd(p: FunctionPrinter, text: str, at: _Lanes) -> str:
    """The f64 cut to the fraction of f32, its last bit set where anything is cut off.

    A second rounding, to fewer bits, is then that of the exact number (Boldo and Melquiond, Emulation of FMA and
    Correctly Rounded Sums: Proved Algorithms Using Rounding to Odd, 2008).
    """
    word = at.of("i64")

    def number(value: int) -> str:
        return at.number("i64", value)

    bits = p.temporary("bits", f"bitcast {at.of('double')} {text} to {word}")
    rest = p.temporary("rest", f"and {word} {bits}, {number((1 << DROPPED) - 1)}")
    inexact = p.temporary("inexact", f"icmp ne {word} {rest}, {number(0)}")
    kept = p.temporary("kept", f"xor {word} {bits}, {rest}")
    last = p.temporary(
        "last", f"select {at.of('i1')} {inexact}, {word} {number(1 << DROPPED)}, {word} {number(0)}"
    )
    odd = p.temporary("odd", f"or {word} {kept}, {last}")
    return p.temporary("odd", f"bitcast {word} {odd} to {at.of('double')}")


def _bfloat16_bits(p: FunctionPrinter, text: str, at: _Lanes) -> str:
    """The upper half of an f32, rounded by its lower half; NaN stays NaN."""
    word = at.of("i32")

    def number(value: int) -> str:
        return at.number("i32", value)

    bits = p.temporary("bits", f"bitcast {at.of('float')} {text} to {word}")
    upper = p.temporary("upper", f"lshr {word} {bits}, {number(16)}")
    last = p.temporary("last", f"and {word} {upper}, {number(1)}")
    half = p.temporary("half", f"add {word} {last}, {number(0x7FFF)}")
    sum_ = p.temporary("rounded", f"add {word} {bits}, {half}")
    rounded = p.temporary("rounded", f"lshr {word} {sum_}, {number(16)}")
    quiet = p.temporary("quiet", f"or {word} {upper}, {number(0x40)}")
    is_nan = p.temporary("nan", f"fcmp uno {at.of('float')} {text}, {text}")
    chosen = p.temporary("chosen", f"select {at.of('i1')} {is_nan}, {word} {quiet}, {word} {rounded}")
    return p.temporary("narrow", f"trunc {word} {chosen} to {at.of('i16')}")
