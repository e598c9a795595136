"""Comparisons, the smaller and the larger of two integers, and selection."""

from __future__ import annotations

from xdsl.dialects.arith import CMPF_COMPARISON_OPERATIONS, CMPI_COMPARISON_OPERATIONS
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.expression import Expression, is_truth, on_signed, on_unsigned

_RELATIONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_OPPOSITES = {"eq": "!=", "ne": "==", "lt": ">=", "le": ">", "gt": "<=", "ge": "<"}


def _predicate(op: Operation, names: list[str]) -> str:
    attribute = op.properties["predicate"]
    assert isinstance(attribute, IntegerAttr)
    return names[attribute.value.data]


def _related(symbol: str, *, signed: bool) -> Expression:
    """An order of integers; of truth values, the signed `true` is -1."""
    others = (on_signed if signed else on_unsigned)(symbol)

    def compare(types: CTypes, op: Operation, a: str, b: str) -> str:
        if is_truth(op):
            return f"{b} {symbol} {a}" if signed else f"{a} {symbol} {b}"
        return others(types, op, a, b)

    return compare


def _cmpi(types: CTypes, op: Operation, a: str, b: str) -> str:
    predicate = _predicate(op, CMPI_COMPARISON_OPERATIONS)
    if predicate in _RELATIONS:
        return f"{a} {_RELATIONS[predicate]} {b}"
    return _related(_RELATIONS[predicate[1:]], signed=predicate[0] == "s")(types, op, a, b)


def _cmpf(types: CTypes, op: Operation, a: str, b: str) -> str:
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


def _chosen_by(compare: Expression) -> Expression:
    """The first operand where the comparison holds, else the second."""

    def choose(types: CTypes, op: Operation, a: str, b: str) -> str:
        return f"{compare(types, op, a, b)} ? {a} : {b}"

    return choose


def _select(types: CTypes, op: Operation, condition: str, a: str, b: str) -> str:
    return f"{condition} ? {a} : {b}"


COMPARISONS: dict[str, Expression] = {
    "arith.cmpi": _cmpi,
    "arith.cmpf": _cmpf,
    "arith.minsi": _chosen_by(_related("<", signed=True)),
    "arith.maxsi": _chosen_by(_related(">", signed=True)),
    "arith.minui": _chosen_by(_related("<", signed=False)),
    "arith.maxui": _chosen_by(_related(">", signed=False)),
    "arith.select": _select,
}
