"""Meanings of `arith` and `math` ops on NumPy: the table of the loop interpreter and of the SIMT emulator.

`meaning(op)` gives a function from operand values to the result. Values are NumPy scalars or arrays of just
the dtype of the op's type, so integers wrap, f32 stays f32, and one function serves a scalar, a vector
register and all lanes of a kernel. Run it under `np.errstate(all="ignore")`: what upstream calls poison (a
shift beyond the width, a cast out of range) is whatever NumPy makes of it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation

from pullback.backends.interpreter import integer_meanings
from pullback.backends.interpreter.integer_meanings import Binary, on_signed, on_unsigned, signed, unsigned
from pullback.backends.interpreter.numpy_dtypes import Value, constant_value, dtype_of
from pullback.dialects.graph.tensor.accumulators import power
from pullback.dialects.ir.diagnostics import UnsupportedError

Function: TypeAlias = Callable[..., Value]
Meaning: TypeAlias = Callable[[Operation], Function]
Unary: TypeAlias = Callable[[Value], Value]
Ternary: TypeAlias = Callable[[Value, Value, Value], Value]


def meaning(op: Operation) -> Function:
    """The function that `op` computes; UnsupportedError if this table does not have it."""
    entry = MEANINGS.get(op.name)
    if entry is None:
        raise UnsupportedError(f"{op.name} has no meaning on NumPy yet", op)
    return entry(op)


# ---- floats ----------------------------------------------------------------------------------------------


def fused_multiply_add(a: Value, b: Value, c: Value) -> Value:
    """`a * b + c` in the next wider float, then rounded to the operands' dtype."""
    wide = np.longdouble if a.dtype == np.float64 else np.float64
    return (a.astype(wide) * b.astype(wide) + c.astype(wide)).astype(a.dtype)


def _by_element(function: Callable[[float], float]) -> Unary:
    """Applies a function of Python's, which NumPy lacks, to each element."""
    applied: Any = np.frompyfunc(function, 1, 1)
    return lambda a: np.asarray(applied(a)).astype(a.dtype)[()]


def _round_half_away(a: Value) -> Value:
    whole = np.trunc(a)
    return whole + np.copysign((np.abs(a - whole) >= 0.5).astype(a.dtype), a)


_UNARY: dict[str, Unary] = {
    "arith.negf": operator.neg,
    "math.absf": np.abs,
    "math.absi": np.abs,
    "math.acos": np.arccos,
    "math.acosh": np.arccosh,
    "math.asin": np.arcsin,
    "math.asinh": np.arcsinh,
    "math.atan": np.arctan,
    "math.atanh": np.arctanh,
    "math.cbrt": np.cbrt,
    "math.ceil": np.ceil,
    "math.cos": np.cos,
    "math.cosh": np.cosh,
    "math.erf": _by_element(math.erf),
    "math.erfc": _by_element(math.erfc),
    "math.exp": np.exp,
    "math.exp2": np.exp2,
    "math.expm1": np.expm1,
    "math.floor": np.floor,
    "math.isfinite": np.isfinite,
    "math.isinf": np.isinf,
    "math.isnan": np.isnan,
    "math.log": np.log,
    "math.log10": np.log10,
    "math.log1p": np.log1p,
    "math.log2": np.log2,
    "math.round": _round_half_away,
    "math.roundeven": np.rint,
    "math.rsqrt": lambda a: a.dtype.type(1) / np.sqrt(a),
    "math.sin": np.sin,
    "math.sinh": np.sinh,
    "math.sqrt": np.sqrt,
    "math.tan": np.tan,
    "math.tanh": np.tanh,
    "math.trunc": np.trunc,
}
_BINARY: dict[str, Binary] = {
    "arith.addf": operator.add,
    "arith.subf": operator.sub,
    "arith.mulf": operator.mul,
    "arith.divf": lambda a, b: a / b,
    "arith.remf": np.fmod,
    "arith.maximumf": np.maximum,  # NaN if either is
    "arith.minimumf": np.minimum,
    "arith.maxnumf": np.fmax,  # the other one, if either is NaN
    "arith.minnumf": np.fmin,
    "math.atan2": np.arctan2,
    "math.copysign": np.copysign,
    "math.fpowi": lambda a, n: np.power(a, n).astype(a.dtype),
    "math.powf": lambda a, b: power(a, b)[()],
}


# ---- comparisons and choice ------------------------------------------------------------------------------


def _ordered(a: Value, b: Value) -> Value:
    return (a == a) & (b == b)


def _or_unordered(function: Binary) -> Binary:
    return lambda a, b: function(a, b) | ~_ordered(a, b)


_INEQUALITIES: tuple[Binary, ...] = (operator.lt, operator.le, operator.gt, operator.ge)
_CMPI: tuple[Binary, ...] = (
    operator.eq,
    operator.ne,
    *map(on_signed, _INEQUALITIES),
    *map(on_unsigned, _INEQUALITIES),
)
"""In upstream's order: eq ne slt sle sgt sge ult ule ugt uge."""
_ORDERED: tuple[Binary, ...] = (
    operator.eq,
    operator.gt,
    operator.ge,
    operator.lt,
    operator.le,
    lambda a, b: (a != b) & _ordered(a, b),
)
_CMPF: tuple[Binary, ...] = (
    lambda a, b: (a == a) & (a != a),
    *_ORDERED,
    _ordered,
    *map(_or_unordered, _ORDERED),
    lambda a, b: ~_ordered(a, b),
    lambda a, b: (a == a) | (a != a),
)
"""In upstream's order: false, oeq ogt oge olt ole one, ord, ueq ugt uge ult ule une, uno, true."""


def _comparison(table: tuple[Binary, ...]) -> Meaning:
    def compare(op: Operation) -> Function:
        predicate = op.properties["predicate"]
        assert isinstance(predicate, IntegerAttr)
        return table[predicate.value.data]

    return compare


def _select(condition: Value, a: Value, b: Value) -> Value:
    if not np.ndim(condition):  # one condition may choose between whole vectors
        return a if condition else b
    chosen: Value = np.where(condition, a, b)
    return chosen


_TERNARY: dict[str, Ternary] = {
    "arith.select": _select,
    "math.clampf": lambda a, low, high: np.minimum(np.maximum(a, low), high),
    "math.fma": fused_multiply_add,
}


# ---- casts -----------------------------------------------------------------------------------------------


def _cast(read: Unary) -> Meaning:
    """Read the operand, then convert it to the result's dtype (to i1: keep the lowest bit)."""

    def cast(op: Operation) -> Function:
        dtype = dtype_of(op.results[0].type)
        lowest_bit = dtype == np.bool_ and dtype_of(op.operands[0].type).kind == "i"

        def convert(value: Value) -> Value:
            return (value & 1 if lowest_bit else read(value)).astype(dtype)

        return convert

    return cast


def _bitcast(op: Operation) -> Function:
    dtype = dtype_of(op.results[0].type)

    def view(value: Value) -> Value:
        return value.view(dtype)

    return view


def _constant(op: Operation) -> Function:
    value = constant_value(op.properties["value"], op.results[0].type)
    return lambda: value


_AS_IS = _cast(lambda a: a)
_CASTS: dict[str, Meaning] = {
    "arith.trunci": _AS_IS,
    "arith.truncf": _AS_IS,
    "arith.extf": _AS_IS,
    "arith.fptosi": _AS_IS,
    "arith.fptoui": _cast(lambda a: a.astype(np.uint64)),
    "arith.extsi": _cast(signed),
    "arith.sitofp": _cast(signed),
    "arith.index_cast": _cast(signed),
    "arith.extui": _cast(unsigned),
    "arith.uitofp": _cast(unsigned),
    "arith.index_castui": _cast(unsigned),
    "arith.bitcast": _bitcast,
}


def _plain(function: Function) -> Meaning:
    return lambda op: function


MEANINGS: dict[str, Meaning] = {
    **{
        name: _plain(f)
        for table in (_UNARY, _BINARY, integer_meanings.BINARY, _TERNARY)
        for name, f in table.items()
    },
    **_CASTS,
    "arith.constant": _constant,
    "arith.cmpi": _comparison(_CMPI),
    "arith.cmpf": _comparison(_CMPF),
}
"""Every scalar op by name, so that a redeclared op class and the original mean the same."""
