"""Prints `vector.reduction`: all lanes of a vector as one."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType, VectorType

from pullback.backends.cpu.llvm.function_printer import EmitterTable, FunctionPrinter, LLVMPrintError
from pullback.backends.cpu.llvm.print_elementwise import fastmath
from pullback.backends.cpu.llvm.print_vectors import shuffle_mask, vector_type
from pullback.backends.cpu.llvm_types import FLOATS, float_literal, integer_width, spell, suffix
from pullback.dialects.upstream import vector as upstream
from pullback.dialects.upstream.types import vector_type as type_of_vector

REDUCTIONS = {
    "add": ("fadd", "add"),
    "mul": ("fmul", "mul"),
    "minsi": ("", "smin"),
    "minui": ("", "umin"),
    "maxsi": ("", "smax"),
    "maxui": ("", "umax"),
    "and": ("", "and"),
    "or": ("", "or"),
    "xor": ("", "xor"),
    "minimumf": ("fminimum", ""),
    "maximumf": ("fmaximum", ""),
    "minnumf": ("fmin", ""),
    "maxnumf": ("fmax", ""),
}
"""Kind of `vector.reduction` -> LLVM's name of it on floats and on integers."""

COMBINE = {
    "fminimum": "minimum",
    "fmaximum": "maximum",
    "fmin": "minnum",
    "fmax": "maxnum",
    **{name: name for name in ("smin", "umin", "smax", "umax")},
}
"""Reduction -> the intrinsic that combines two values in the same way."""

EXTREMA = {"fminimum": "smin", "fmaximum": "smax"}
"""Reduction that is NaN if any lane is -> that of integers in the order of floats."""


def reduction(p: FunctionPrinter, op: upstream.ReductionOp) -> None:
    """One of LLVM's reductions; float sums and products take a start and, without reassoc, go in order."""
    result, kind = op.dest.type, op.kind.data.value
    is_float = result.__class__ in FLOATS
    name = REDUCTIONS[kind][0 if is_float else 1]
    if not name:
        raise LLVMPrintError(op, f"<{kind}> does not apply to {result}")
    if op.is_by_halves:
        reduce_by_halves(p, op, name)
        return
    flags = fastmath(op)
    function = f"vector.reduce.{name}"
    if name in ("fadd", "fmul"):
        neutral = float_literal(-0.0 if name == "fadd" else 1.0, result)
        start = p.text(op.acc) if op.acc is not None else neutral
        arguments = [(spell(result), start), p.argument(op.vector)]
        p.define(op.dest, reduce_call(p, function, op, arguments, flags))
    elif op.acc is None:
        p.define(op.dest, reduce_call(p, function, op, [p.argument(op.vector)], flags))
    else:
        lanes = p.temporary("lanes", reduce_call(p, function, op, [p.argument(op.vector)], flags))
        if name in COMBINE:
            pair = [(spell(result), lanes), p.argument(op.acc)]
            p.define(op.dest, p.intrinsic(COMBINE[name], result, pair, flags))
        else:
            p.define(op.dest, f"{name} {spell(result)} {lanes}, {p.text(op.acc)}")


def reduce_by_halves(p: FunctionPrinter, op: upstream.ReductionOp, name: str) -> None:
    """Combines the halves of a vector until one lane is left."""
    if name in EXTREMA:
        extremum(p, op, name)
        return
    text = halves(p, vector_type(op.vector), p.text(op.vector), name)
    p.define(op.dest, f"extractelement <1 x {spell(op.dest.type)}> {text}, i64 0")


def extremum(p: FunctionPrinter, op: upstream.ReductionOp, name: str) -> None:
    """The largest or smallest lane, by integers that are ordered as floats are; NaN if any is.

    Each comparison of floats would take care of NaN and of the signs of zeros, which are four more instructions.
    """
    type = vector_type(op.vector)
    count, width = type.get_shape()[0], FLOATS[type.element_type.__class__][2] * 8
    floats, integers = spell(type), type_of_vector(IntegerType(width), count)
    bits = p.temporary("bits", f"bitcast {floats} {p.text(op.vector)} to {spell(integers)}")
    found = halves(p, integers, ordered(p, integers, bits), EXTREMA[name])
    one = type_of_vector(IntegerType(width), 1)
    lane = p.temporary(
        "lane", f"bitcast {spell(one)} {ordered(p, one, found)} to <1 x {spell(op.dest.type)}>"
    )
    number = p.temporary("number", f"extractelement <1 x {spell(op.dest.type)}> {lane}, i64 0")
    unordered = p.temporary("unordered", f"fcmp uno {floats} {p.text(op.vector)}, zeroinitializer")
    mask = p.temporary("mask", f"bitcast <{count} x i1> {unordered} to i{count}")
    any_is = p.temporary("any", f"icmp ne i{count} {mask}, 0")
    nan, element = float_literal(float("nan"), op.dest.type), spell(op.dest.type)
    p.define(op.dest, f"select i1 {any_is}, {element} {nan}, {element} {number}")


def ordered(p: FunctionPrinter, type: VectorType, bits: str) -> str:
    """The bits of floats as integers in their order, or such integers as bits: of negative ones those are flipped."""
    width, count = integer_width(type.element_type), type.get_shape()[0]

    def splat(number: int) -> str:
        return "<" + ", ".join([f"i{width} {number}"] * count) + ">"

    sign = p.temporary("sign", f"ashr {spell(type)} {bits}, {splat(width - 1)}")
    flip = p.temporary("flip", f"and {spell(type)} {sign}, {splat((1 << (width - 1)) - 1)}")
    return p.temporary("order", f"xor {spell(type)} {bits}, {flip}")


def halves(p: FunctionPrinter, type: VectorType, text: str, name: str) -> str:
    """A vector of one lane, which all lanes were combined to."""
    count = type.get_shape()[0]
    while count > 1:
        whole, count = f"{spell(type)} {text}, {spell(type)} poison, ", count // 2
        type = type_of_vector(type.element_type, count)
        low, high = (
            p.temporary("half", f"shufflevector {whole}{shuffle_mask(range(at, at + count))}")
            for at in (0, count)
        )
        if name in COMBINE:
            made = p.intrinsic(COMBINE[name], type, [(spell(type), low), (spell(type), high)])
        else:
            made = f"{name} {spell(type)} {low}, {high}"
        text = p.temporary("both", made)
    return text


def reduce_call(
    p: FunctionPrinter,
    function: str,
    op: upstream.ReductionOp,
    arguments: Sequence[tuple[str, str]],
    flags: str,
) -> str:
    """The text of the call: these intrinsics are named after the vector and return a scalar."""
    name = f"@llvm.{function}.{suffix(op.vector.type)}"
    return p.call(spell(op.dest.type), name, arguments, flags)


EMITTERS: EmitterTable = {upstream.ReductionOp: reduction}
