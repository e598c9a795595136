"""Prints scalar ops as CUDA C++ expressions of their operands, which are names or literals.

The expression initialises a variable of the result's type, which converts it: unsigned to signed, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from xdsl.dialects.arith import CMPF_COMPARISON_OPERATIONS, CMPI_COMPARISON_OPERATIONS
from xdsl.dialects.builtin import Float32Type, Float64Type, IndexType, IntegerAttr, i1
from xdsl.dialects.gpu import DimensionAttr
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda.c_types import c_type, literal, unsigned

Expression: TypeAlias = Callable[..., str]
"""A function from an op and the texts of its operands to the text of its result."""

HELPERS = {
    "maximum": "{ return a > b || a != a ? a : b; }",
    "minimum": "{ return a < b || a != a ? a : b; }",
    "floor_divide": "{ return a / b - (a % b != 0 && (a < 0) != (b < 0)); }",
    "ceil_divide": "{ return a / b + (a % b != 0 && (a < 0) == (b < 0)); }",
    "integer_power": (
        "{ unsigned long long x = b < 0 && a != 1 && a != -1 ? 0 : a, n = b < 0 ? (x != 0 ? b & 1 : 1) : b, y = 1; "
        "for (; n; n >>= 1, x *= x) if (n & 1) y *= x; return (T)y; }"
    ),
}
"""Functions of two numbers that CUDA lacks. `maximum` and `minimum` are NaN if either operand is."""


def _type(op: Operation) -> Attribute:
    return op.operands[0].type


def _infix(symbol: str) -> Expression:
    def compute(op: Operation, a: str, b: str) -> str:
        return f"{a} {symbol} {b}"

    return compute


def _call(name: str) -> Expression:
    def call(op: Operation, *operands: str) -> str:
        return f"{name}({', '.join(operands)})"

    return call


def _math(name: str) -> Expression:
    """A function of the math library, whose name for float ends in `f`."""

    def call(op: Operation, *operands: str) -> str:
        suffix = "f" if isinstance(_type(op), Float32Type) else ""
        return f"{name}{suffix}({', '.join(operands)})"

    return call


def _on_unsigned(symbol: str) -> Expression:
    def compute(op: Operation, a: str, b: str) -> str:
        # The narrow types are promoted to int, so each operand needs its cast; the wide ones share one.
        cast = f"({unsigned(_type(op))})"
        return f"{cast}{a} {symbol} {cast if 'char' in cast or 'short' in cast else ''}{b}"

    return compute


def _wrapping(symbol: str, on_bool: str) -> Expression:
    """Signed overflow means nothing in C++ but wraps in `arith`; an index is not meant to overflow."""

    def compute(op: Operation, a: str, b: str) -> str:
        if _type(op) == i1:
            return f"{a} {on_bool} {b}"
        return (_infix if isinstance(_type(op), IndexType) else _on_unsigned)(symbol)(op, a, b)

    return compute


def _bitwise(symbol: str, on_bool: str) -> Expression:
    def compute(op: Operation, a: str, b: str) -> str:
        return f"{a} {on_bool if _type(op) == i1 else symbol} {b}"

    return compute


def _smaller_or_larger(symbol: str, cast: Callable[[Attribute], str] | None = None) -> Expression:
    def choose(op: Operation, a: str, b: str) -> str:
        kind = "" if cast is None else f"({cast(_type(op))})"
        return f"{kind}{a} {symbol} {kind}{b} ? {a} : {b}"

    return choose


_RELATIONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_OPPOSITES = {"eq": "!=", "ne": "==", "lt": ">=", "le": ">", "gt": "<=", "ge": "<"}


def _predicate(op: Operation, names: list[str]) -> str:
    attribute = op.properties["predicate"]
    assert isinstance(attribute, IntegerAttr)
    return names[attribute.value.data]


def _cmpi(op: Operation, a: str, b: str) -> str:
    predicate = _predicate(op, CMPI_COMPARISON_OPERATIONS)
    if predicate in _RELATIONS:
        return f"{a} {_RELATIONS[predicate]} {b}"
    relation = _RELATIONS[predicate[1:]]
    if _type(op) == i1:  # the signed `true` is -1
        return f"{b} {relation} {a}" if predicate[0] == "s" else f"{a} {relation} {b}"
    return _on_unsigned(relation)(op, a, b) if predicate[0] == "u" else f"{a} {relation} {b}"


def _cmpf(op: Operation, a: str, b: str) -> str:
    predicate = _predicate(op, CMPF_COMPARISON_OPERATIONS)
    match predicate:
        case "true" | "false":
            return predicate
        case "ord":
            return f"{a} == {a} && {b} == {b}"
        case "uno":
            return f"{a} != {a} || {b} != {b}"
        case "one":
            return f"{a} < {b} || {a} > {b}"
        case "ueq":
            return f"!({a} < {b} || {a} > {b})"
        case "oeq" | "ogt" | "oge" | "olt" | "ole" | "une":
            return f"{a} {_RELATIONS[predicate[1:]]} {b}"
        case _:  # unordered or related: not the opposite
            return f"!({a} {_OPPOSITES[predicate[1:]]} {b})"


def _cast(through: Callable[[Attribute], str] | None = None) -> Expression:
    def convert(op: Operation, a: str) -> str:
        middle = "" if through is None or _type(op) == i1 else f"({through(_type(op))})"
        return f"({c_type(op.results[0].type)}){middle}{a}"

    return convert


def _signed_cast(op: Operation, a: str) -> str:
    return f"{'-' if _type(op) == i1 else ''}({c_type(op.results[0].type)}){a}"


def _trunci(op: Operation, a: str) -> str:
    result = op.results[0].type
    return f"({a} & 1) != 0" if result == i1 else f"({c_type(result)}){a}"


def _fptoui(op: Operation, a: str) -> str:
    result = op.results[0].type
    return f"({c_type(result)})({unsigned(result)}){a}"


def _bitcast(op: Operation, a: str) -> str:
    single = isinstance(_type(op), Float32Type) or isinstance(op.results[0].type, Float32Type)
    names = ("float", "int") if single else ("double", "longlong")
    source, target = names if isinstance(_type(op), Float32Type | Float64Type) else names[::-1]
    return f"__{source}_as_{target}({a})"


def _absi(op: Operation, a: str) -> str:
    return f"{a} < 0 ? -{a} : {a}"


def _negf(op: Operation, a: str) -> str:
    return f"-({a})" if a.startswith("-") else f"-{a}"


def _select(op: Operation, condition: str, a: str, b: str) -> str:
    return f"{condition} ? {a} : {b}"


def _coordinate(name: str) -> Expression:
    def read(op: Operation) -> str:
        dimension = op.properties["dimension"]
        assert isinstance(dimension, DimensionAttr)
        return f"{name}.{dimension.data}"

    return read


def _constant(op: Operation) -> str:
    return literal(op.properties["value"], op.results[0].type)


_MATH = {
    "absf": "fabs",
    "roundeven": "rint",
    "powf": "pow",
    **{
        name: name
        for name in (
            *("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos"),
            *("cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor", "fma", "log", "log10", "log1p", "log2"),
            *("round", "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"),
        )
    },
}

EXPRESSIONS: dict[str, Expression] = {
    **{f"math.{name}": _math(function) for name, function in _MATH.items()},
    "math.absi": _absi,
    "math.ipowi": _call("integer_power"),
    **{f"math.{name}": _call(name) for name in ("isfinite", "isinf", "isnan")},
    "arith.constant": _constant,
    "arith.addf": _infix("+"),
    "arith.subf": _infix("-"),
    "arith.mulf": _infix("*"),
    "arith.divf": _infix("/"),
    "arith.negf": _negf,
    "arith.remf": _math("fmod"),
    "arith.maximumf": _call("maximum"),
    "arith.minimumf": _call("minimum"),
    "arith.maxnumf": _math("fmax"),
    "arith.minnumf": _math("fmin"),
    "arith.addi": _wrapping("+", "!="),
    "arith.subi": _wrapping("-", "!="),
    "arith.muli": _wrapping("*", "&&"),
    "arith.divsi": _infix("/"),
    "arith.remsi": _infix("%"),
    "arith.divui": _on_unsigned("/"),
    "arith.remui": _on_unsigned("%"),
    "arith.floordivsi": _call("floor_divide"),
    "arith.ceildivsi": _call("ceil_divide"),
    "arith.andi": _bitwise("&", "&&"),
    "arith.ori": _bitwise("|", "||"),
    "arith.xori": _bitwise("^", "!="),
    "arith.shli": _on_unsigned("<<"),
    "arith.shrsi": _infix(">>"),
    "arith.shrui": _on_unsigned(">>"),
    "arith.minsi": _smaller_or_larger("<"),
    "arith.maxsi": _smaller_or_larger(">"),
    "arith.minui": _smaller_or_larger("<", unsigned),
    "arith.maxui": _smaller_or_larger(">", unsigned),
    "arith.cmpi": _cmpi,
    "arith.cmpf": _cmpf,
    "arith.select": _select,
    "arith.extsi": _signed_cast,
    "arith.sitofp": _signed_cast,
    "arith.index_cast": _signed_cast,
    "arith.extui": _cast(unsigned),
    "arith.uitofp": _cast(unsigned),
    "arith.index_castui": _cast(unsigned),
    "arith.fptosi": _cast(),
    "arith.fptoui": _fptoui,
    "arith.extf": _cast(),
    "arith.truncf": _cast(),
    "arith.trunci": _trunci,
    "arith.bitcast": _bitcast,
    "gpu.block_id": _coordinate("blockIdx"),
    "gpu.thread_id": _coordinate("threadIdx"),
    "gpu.block_dim": _coordinate("blockDim"),
    "gpu.grid_dim": _coordinate("gridDim"),
}
"""Ops by name, so that a redeclared op class and the original print the same."""
