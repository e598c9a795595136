"""Integer arithmetic of `arith` on NumPy. Bits are kept in signed arrays; each op reads them as signed or unsigned."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pullback.backends.interpreter.numpy_dtypes import Value
from pullback.dialects.graph.elementwise.exponential import integer_power

Binary: TypeAlias = Callable[[Value, Value], Value]


def signed(value: Value) -> Value:
    """The value as a signed number: the i1 `true` is -1."""
    return -value.astype(np.int8) if value.dtype == np.bool_ else value


def unsigned(value: Value) -> Value:
    """The same bits as an unsigned number: the i1 `true` is 1."""
    return value if value.dtype == np.bool_ else value.view(f"u{value.dtype.itemsize}")


def on_signed(function: Binary) -> Binary:
    """`function` of the operands as signed numbers."""
    return lambda a, b: function(signed(a), signed(b))


def on_unsigned(function: Binary) -> Binary:
    """`function` of the operands as unsigned numbers."""
    return lambda a, b: function(unsigned(a), unsigned(b))


def _kept(function: Binary) -> Binary:
    """`function` with its result put back into the operand's dtype, bit by bit."""
    return lambda a, b: function(a, b).astype(a.dtype)


def _modulo_two(function: Binary) -> Binary:
    """On i1, where NumPy's `+` is `or` and its `-` an error, both are `xor`."""
    return lambda a, b: a ^ b if a.dtype == np.bool_ else function(a, b)


def _divide_towards_zero(a: Value, b: Value) -> Value:
    quotient = a // b
    return quotient + ((quotient < 0) & (quotient * b != a)).astype(a.dtype)


def _divide_down(a: Value, b: Value) -> Value:
    return a // b


def _shift_right(a: Value, b: Value) -> Value:
    return a >> b


def _divide_up(a: Value, b: Value) -> Value:
    return a // b + (a % b != 0).astype(a.dtype)


def _power(a: Value, b: Value) -> Value:
    return integer_power(a, b)[()]


BINARY: dict[str, Binary] = {
    "arith.addi": _modulo_two(operator.add),
    "arith.subi": _modulo_two(operator.sub),
    "arith.muli": operator.mul,
    "arith.divsi": _divide_towards_zero,
    "arith.divui": _kept(on_unsigned(_divide_down)),
    "arith.remsi": np.fmod,
    "arith.remui": _kept(on_unsigned(operator.mod)),
    "arith.floordivsi": _divide_down,
    "arith.ceildivsi": _divide_up,
    "arith.ceildivui": _kept(on_unsigned(_divide_up)),
    "arith.minsi": _kept(on_signed(np.minimum)),
    "arith.maxsi": _kept(on_signed(np.maximum)),
    "arith.minui": _kept(on_unsigned(np.minimum)),
    "arith.maxui": _kept(on_unsigned(np.maximum)),
    "arith.andi": lambda a, b: a & b,
    "arith.ori": lambda a, b: a | b,
    "arith.xori": lambda a, b: a ^ b,
    "arith.shli": lambda a, b: a << b,
    "arith.shrsi": _shift_right,
    "arith.shrui": _kept(on_unsigned(_shift_right)),
    "math.ipowi": _power,
}
"""Two operands of one integer type to a result of that type."""

DIVISIONS = frozenset(
    f"arith.{name}" for name in ("divsi", "divui", "remsi", "remui", "floordivsi", "ceildivsi", "ceildivui")
)
"""The ops whose second operand must not be zero."""
