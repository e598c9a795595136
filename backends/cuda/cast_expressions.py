"""Conversions between types. An index of 32 bits, which is unsigned in text, is extended by its sign, as any index."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import Float32Type, Float64Type, bf16, f16, i1
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda.c_types import CTypes
from pullback.backends.cuda.expression import Expression, is_single, is_truth, operand_type, result_type
from pullback.backends.cuda.functions import call


def _through(middle: Callable[[CTypes, Attribute], str] | None = None) -> Expression:
    """A cast by way of another type of the operand's width."""

    def convert(types: CTypes, op: Operation, a: str) -> str:
        target, source = types.element(result_type(op)), operand_type(op)
        between = "" if middle is None or source == i1 else middle(types, source)
        shown = f"({between})" if between not in ("", target, types.element(source)) else ""
        return f"({target}){shown}{a}"

    return convert


def _from_signed(types: CTypes, op: Operation, a: str) -> str:
    if is_truth(op):  # the signed `true` is -1
        return f"-({types.element(result_type(op))}){a}"
    return _through(CTypes.signed)(types, op, a)


def _trunci(types: CTypes, op: Operation, a: str) -> str:
    result = result_type(op)
    return f"({a} & 1) != 0" if result == i1 else f"({types.element(result)}){a}"


def _index_cast(types: CTypes, op: Operation, a: str) -> str:
    narrow = result_type(op) == i1
    return _trunci(types, op, a) if narrow else _from_signed(types, op, a)


def _fptoui(types: CTypes, op: Operation, a: str) -> str:
    result = result_type(op)
    return f"({types.element(result)})({types.unsigned(result)}){a}"


def _extf(types: CTypes, op: Operation, a: str) -> str:
    if operand_type(op) not in HALF:
        return _through()(types, op, a)
    widened = call("widen", a)
    return widened if is_single(result_type(op)) else f"({types.element(result_type(op))}){widened}"


def _truncf(types: CTypes, op: Operation, a: str) -> str:
    result = result_type(op)
    if result == f16:
        return call("narrow_half", a)
    if result == bf16:
        return call("narrow_bfloat16", a if is_single(operand_type(op)) else f"(float){a}")
    return _through()(types, op, a)


HALF = (f16, bf16)


def _bitcast(types: CTypes, op: Operation, a: str) -> str:
    source, result = operand_type(op), result_type(op)
    single = isinstance(source, Float32Type) or isinstance(result, Float32Type)
    names = ("float", "int") if single else ("double", "longlong")
    given, target = names if isinstance(source, Float32Type | Float64Type) else names[::-1]
    return a if source == result else f"__{given}_as_{target}({a})"


CONVERSIONS: dict[str, Expression] = {
    "arith.extsi": _from_signed,
    "arith.sitofp": _from_signed,
    "arith.index_cast": _index_cast,
    "arith.extui": _through(CTypes.unsigned),
    "arith.uitofp": _through(CTypes.unsigned),
    "arith.index_castui": _through(CTypes.unsigned),
    "arith.fptosi": _through(),
    "arith.fptoui": _fptoui,
    "arith.extf": _extf,
    "arith.truncf": _truncf,
    "arith.trunci": _trunci,
    "arith.bitcast": _bitcast,
}
