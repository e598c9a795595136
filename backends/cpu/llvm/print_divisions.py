"""Prints divisions of integers that are rounded up or down, of which LLVM has those towards zero alone."""

from __future__ import annotations

from xdsl.dialects import arith
from xdsl.ir import Operation

from pullback.backends.cpu.llvm.function_printer import Emitter, EmitterTable, FunctionPrinter
from pullback.backends.cpu.llvm.print_elementwise import number
from pullback.backends.cpu.llvm_types import spell


def rounded_division(adjusts_when_signs: str) -> Emitter:
    """An emitter of signed division rounded down (minus 1 where inexact, signs differ) or up (plus 1, signs agree)."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        (a, b), result = op.operands, op.results[0]
        type, zero = spell(a.type), number(0, a)
        quotient = p.temporary("quotient", f"sdiv {p.typed(a)}, {p.text(b)}")
        remainder = p.temporary("remainder", f"srem {p.typed(a)}, {p.text(b)}")
        inexact = p.temporary("inexact", f"icmp ne {type} {remainder}, {zero}")
        signs = p.temporary("signs", f"xor {p.typed(a)}, {p.text(b)}")
        predicate = "slt" if adjusts_when_signs == "differ" else "sge"
        matches = p.temporary("matches", f"icmp {predicate} {type} {signs}, {zero}")
        adjusts = p.temporary("adjusts", f"and {boolean(type)} {inexact}, {matches}")
        one = p.temporary("one", f"zext {boolean(type)} {adjusts} to {type}")
        p.define(result, f"{'sub' if predicate == 'slt' else 'add'} {type} {quotient}, {one}")

    return emit


def boolean(type: str) -> str:
    """The LLVM type of a comparison of values of LLVM type `type`."""
    return f"{type[: type.rindex(' ')]} i1>" if type.startswith("<") else "i1"


def ceiling_division_unsigned(p: FunctionPrinter, op: arith.CeilDivUIOp) -> None:
    """Prints the quotient, plus 1 where there is a remainder; unlike (a + b - 1) / b this never wraps."""
    type = spell(op.lhs.type)
    quotient = p.temporary("quotient", f"udiv {p.typed(op.lhs)}, {p.text(op.rhs)}")
    remainder = p.temporary("remainder", f"urem {p.typed(op.lhs)}, {p.text(op.rhs)}")
    inexact = p.temporary("inexact", f"icmp ne {type} {remainder}, {number(0, op.lhs)}")
    one = p.temporary("one", f"zext {boolean(type)} {inexact} to {type}")
    p.define(op.result, f"add {type} {quotient}, {one}")


EMITTERS: EmitterTable = {
    arith.CeilDivSIOp: rounded_division("agree"),
    arith.CeilDivUIOp: ceiling_division_unsigned,
    arith.FloorDivSIOp: rounded_division("differ"),
}
