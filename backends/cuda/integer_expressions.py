"""Arithmetic of integers and of indices. Signed overflow means nothing in C++ but wraps in `arith`."""

from __future__ import annotations

import operator

from xdsl.dialects.builtin import IndexType, i1
from xdsl.ir import Operation

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.expression import (
    Expression,
    calling_on,
    is_truth,
    on_signed,
    on_unsigned,
    operand_type,
)
from pullback.backends.cuda.literals import integer_literal, is_literal, negatable

_ON_NUMBERS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def _exact(types: CTypes, op: Operation, text: str) -> str:
    """The operand as of its op's type: a literal might be an `int`, in which the result does not fit."""
    return f"({types.element(operand_type(op))}){text}" if is_literal(text) else text


def _wrapping(symbol: str, on_bool: str) -> Expression:
    """An operator whose result wraps; but for an index of 64 bits, which is not meant to."""

    def compute(types: CTypes, op: Operation, a: str, b: str) -> str:
        type_ = operand_type(op)
        if type_ == i1:
            return f"{a} {on_bool} {b}"
        if isinstance(type_, IndexType):
            if a.isdigit() and b.isdigit():
                return integer_literal(_ON_NUMBERS[symbol](int(a), int(b)), type_, types)
            return f"{a} {symbol} {b}"
        if types.unsigned(type_) == "unsigned short":
            # Two of them may overflow the int that they are promoted to.
            return f"(unsigned){a} {symbol} (unsigned){b}"
        return on_unsigned(symbol)(types, op, a, b)

    return compute


def _bitwise(symbol: str, on_bool: str) -> Expression:
    def compute(types: CTypes, op: Operation, a: str, b: str) -> str:
        return f"{a} {on_bool if is_truth(op) else symbol} {b}"

    return compute


def _shift_right(types: CTypes, op: Operation, a: str, b: str) -> str:
    return on_signed(">>")(types, op, _exact(types, op, a), b)


def _magnitude(types: CTypes, op: Operation, a: str) -> str:
    kind, a = types.unsigned(operand_type(op)), negatable(a)
    return f"{a} < 0 ? 0 - ({kind}){a} : ({kind}){a}"


INTEGER_ARITHMETIC: dict[str, Expression] = {
    "math.absi": _magnitude,
    "math.ipowi": calling_on("integer_power", CTypes.signed),
    "arith.addi": _wrapping("+", "!="),
    "arith.subi": _wrapping("-", "!="),
    "arith.muli": _wrapping("*", "&&"),
    "arith.divsi": on_signed("/"),
    "arith.remsi": on_signed("%"),
    "arith.divui": on_unsigned("/"),
    "arith.remui": on_unsigned("%"),
    "arith.floordivsi": calling_on("floor_divide", CTypes.signed),
    "arith.ceildivsi": calling_on("ceil_divide", CTypes.signed),
    "arith.ceildivui": calling_on("ceil_divide", CTypes.unsigned),
    "arith.andi": _bitwise("&", "&&"),
    "arith.ori": _bitwise("|", "||"),
    "arith.xori": _bitwise("^", "!="),
    "arith.shli": on_unsigned("<<"),
    "arith.shrsi": _shift_right,
    "arith.shrui": on_unsigned(">>"),
}
