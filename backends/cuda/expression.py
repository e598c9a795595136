"""What the tables of expressions have in common: the form of their entries, operators and calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from xdsl.dialects.builtin import Float32Type, i1
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.functions import call
from pullback.dialects.upstream.types import element_type_of

Expression: TypeAlias = Callable[..., str]
"""A function from the kernel's types, an op and the texts of its operands to the text of its result."""


def operand_type(op: Operation) -> Attribute:
    """The type of the first operand, or of its lanes."""
    return element_type_of(op.operands[0].type)


def result_type(op: Operation) -> Attribute:
    """The type of the result, or of its lanes."""
    return element_type_of(op.results[0].type)


def is_single(type_: Attribute) -> bool:
    """Tells whether a scalar, or a vector's lane, is an f32."""
    return isinstance(element_type_of(type_), Float32Type)


def is_truth(op: Operation) -> bool:
    """Tells whether an op is on truth values."""
    return operand_type(op) == i1


def infix(symbol: str) -> Expression:
    """An operator between the operands."""

    def compute(types: CTypes, op: Operation, a: str, b: str) -> str:
        return f"{a} {symbol} {b}"

    return compute


def on_unsigned(symbol: str) -> Expression:
    """An operator between the operands taken as unsigned."""

    def compute(types: CTypes, op: Operation, a: str, b: str) -> str:
        kind = types.unsigned(operand_type(op))
        if kind == types.element(operand_type(op)):  # it is unsigned already
            return f"{a} {symbol} {b}"
        # The narrow types are promoted to int, so each operand needs its cast; the wide ones share one.
        both = f"({kind})" if "char" in kind or "short" in kind else ""
        return f"({kind}){a} {symbol} {both}{b}"

    return compute


def on_signed(symbol: str) -> Expression:
    """An operator between the operands taken as signed, which only indices of 32 bits are not."""

    def compute(types: CTypes, op: Operation, a: str, b: str) -> str:
        kind = types.signed(operand_type(op))
        cast = "" if kind == types.element(operand_type(op)) else f"({kind})"
        return f"{cast}{a} {symbol} {cast}{b}"

    return compute


def calling(name: str) -> Expression:
    """A function of the operands, whose types tell its own."""

    def compute(types: CTypes, op: Operation, *operands: str) -> str:
        return call(name, *operands)

    return compute


def calling_on(name: str, kind: Callable[[CTypes, Attribute], str]) -> Expression:
    """A helper of integers, which are taken as of that type."""

    def compute(types: CTypes, op: Operation, *operands: str) -> str:
        return call(name, *operands, kind=kind(types, operand_type(op)))

    return compute
