"""Prints operations of `arith` and `math`, on scalars and vectors alike: a table with one row per operation."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith, math, vector
from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import VectorType, f32, f64
from xdsl.dialects.utils import FastMathFlag
from xdsl.ir import Operation, SSAValue

from pullback.backends.cpu.llvm.function_printer import (
    Argument,
    Emitter,
    EmitterTable,
    FunctionPrinter,
    is_matrix,
    row_of,
)
from pullback.backends.cpu.llvm.print_narrowing import narrowed
from pullback.backends.cpu.llvm_types import constant, integer_width, scalar_literal, spell, splat
from pullback.dialects.ir.by_identity import by_identity
from pullback.dialects.upstream import casts, comparisons
from pullback.dialects.upstream import math as upstream_math
from pullback.dialects.upstream.arith import RemfOp
from pullback.dialects.upstream.types import element_type_of

FLAGS = ("reassoc", "nnan", "ninf", "nsz", "arcp", "contract", "afn")
"""LLVM's fast-math flags in the order in which it prints them; `arith.fastmath` has the same names."""


def fastmath(op: Operation) -> str:
    """The fast-math flags of an operation, each followed by a blank. Nothing is assumed that is not said."""
    flags = op.properties.get("fastmath", op.attributes.get("fastmath"))
    return "" if flags is None or not isinstance(flags, FastMathFlagsAttr) else _words(flags)


@by_identity
def _words(flags: FastMathFlagsAttr) -> str:
    if all(flag in flags.data for flag in FastMathFlag):
        return "fast "
    names = {flag.value for flag in flags.data}
    return "".join(f"{flag} " for flag in FLAGS if flag in names)


def number(value: float | int, like: SSAValue) -> str:
    """The constant `value` in the type of `like`, in every lane of a vector."""
    scalar = scalar_literal(value, element_type_of(like.type))
    return splat(scalar, like.type) if isinstance(like.type, VectorType) else scalar


def instruction(word: str) -> Emitter:
    """An emitter of `%r = word T %a, %b`, or of one operand."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        operands = op.operands
        type = operands[0].type
        if is_matrix(type):
            head = f"{word} {fastmath(op)}{spell(row_of(type))} "
            by_rows(
                p, op.results[0], [head + ", ".join(row) for row in zip(*map(p.rows, operands), strict=True)]
            )
            return
        texts = ", ".join(map(p.text, operands))
        p.define(op.results[0], f"{word} {fastmath(op)}{spell(type)} {texts}")

    return emit


def by_rows(p: FunctionPrinter, result: SSAValue, right_sides: Sequence[str]) -> None:
    """Prints the instruction of each row of a matrix."""
    p.parts[result] = [p.temporary(result.name_hint or "row", right_side) for right_side in right_sides]


def intrinsic(name: str, *trailing: Argument) -> Emitter:
    """An emitter of `%r = call T @llvm.name.T(T %a, ...)`, with constant arguments behind the operands."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        result = op.results[0]
        arguments = [*map(p.argument, op.operands), *trailing]
        p.define(result, p.intrinsic(name, result.type, arguments, fastmath(op)))

    return emit


def library(name: str) -> Emitter:
    """An emitter of `%r = call T @pb.name.T(T %a, ...)`: a function of our math library."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        result = op.results[0]
        p.define(result, p.library(name, result.type, [*map(p.argument, op.operands)]))

    return emit


def cast(word: str) -> Emitter:
    """An emitter of `%r = word T %a to U`."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        source, result = op.operands[0], op.results[0]
        if is_matrix(source.type) and is_matrix(result.type):
            row, to = spell(row_of(source.type)), spell(row_of(result.type))
            by_rows(p, result, [f"{word} {row} {text} to {to}" for text in p.rows(source)])
            return
        p.define(result, f"{word} {p.typed(source)} to {spell(result.type)}")

    return emit


def index_cast(extension: str) -> Emitter:
    """An emitter of casts of an index: an extension, a truncation, or nothing, as the widths say."""

    def emit(p: FunctionPrinter, op: Operation) -> None:
        source, result = op.operands[0], op.results[0]
        widths = [integer_width(element_type_of(value.type)) for value in (source, result)]
        if widths[0] == widths[1]:
            p.alias(result, p.text(source))
        else:
            cast("trunc" if widths[0] > widths[1] else extension)(p, op)

    return emit


def bitcast(p: FunctionPrinter, op: Operation) -> None:
    """Prints `bitcast`; memrefs and equal types need no instruction."""
    source, result = op.operands[0], op.results[0]
    if spell(source.type) == spell(result.type):
        p.alias(result, p.text(source))
    else:
        cast("bitcast")(p, op)


def emit_constant(p: FunctionPrinter, op: arith.ConstantOp) -> None:
    """Prints nothing: constants are literals where they are used."""
    p.alias(op.result, constant(op.value))


def compare(word: str, predicates: Sequence[str]) -> Emitter:
    """An emitter of `icmp` or `fcmp`, whose predicates LLVM names as upstream does."""

    def emit(p: FunctionPrinter, op: comparisons.Comparison) -> None:
        predicate = predicates[op.predicate.value.data]
        p.define(op.result, f"{word} {fastmath(op)}{predicate} {p.typed(op.lhs)}, {p.text(op.rhs)}")

    return emit


def select(p: FunctionPrinter, op: comparisons.SelectOp) -> None:
    """Prints `select`, with one condition or one per lane."""
    p.define(op.result, "select " + ", ".join(p.typed(operand) for operand in op.operands))


def is_nan(p: FunctionPrinter, op: upstream_math.IsNaNOp) -> None:
    """Prints a comparison with zero: only NaN is unordered with it."""
    p.define(op.result, f"fcmp uno {p.typed(op.operand)}, {number(0.0, op.operand)}")


def magnitude_against_infinity(predicate: str) -> Emitter:
    """An emitter of `fcmp predicate |x|, inf`."""

    def emit(p: FunctionPrinter, op: upstream_math.Classification) -> None:
        x = op.operand
        magnitude = p.temporary("magnitude", p.intrinsic("fabs", x.type, [p.argument(x)]))
        p.define(op.result, f"fcmp {predicate} {spell(x.type)} {magnitude}, {number(float('inf'), x)}")

    return emit


def clamp(p: FunctionPrinter, op: upstream_math.ClampFOp) -> None:
    """Prints min(max(x, min), max); NaN stays NaN."""
    type = op.result.type
    raised = p.temporary("raised", p.intrinsic("maximum", type, [p.argument(op.value), p.argument(op.min)]))
    p.define(op.result, p.intrinsic("minimum", type, [(spell(type), raised), p.argument(op.max)]))


def reciprocal_square_root(p: FunctionPrinter, op: math.RsqrtOp) -> None:
    """Prints 1 / sqrt(x), both correctly rounded."""
    x = op.operand
    root = p.temporary("root", p.intrinsic("sqrt", x.type, [p.argument(x)], fastmath(op)))
    p.define(op.result, f"fdiv {fastmath(op)}{spell(x.type)} {number(1.0, x)}, {root}")


def remainder(p: FunctionPrinter, op: Operation) -> None:
    """Prints a call of our `fmod`, and `frem` for types that the math library has no functions of."""
    is_ours = element_type_of(op.results[0].type) in (f32, f64)
    (library("fmod") if is_ours else instruction("frem"))(p, op)


INSTRUCTIONS: dict[type[Operation], str] = {
    arith.AddfOp: "fadd",
    arith.SubfOp: "fsub",
    arith.MulfOp: "fmul",
    arith.DivfOp: "fdiv",
    arith.NegfOp: "fneg",
    arith.AddiOp: "add",
    arith.SubiOp: "sub",
    arith.MuliOp: "mul",
    arith.DivSIOp: "sdiv",
    arith.DivUIOp: "udiv",
    arith.RemSIOp: "srem",
    arith.RemUIOp: "urem",
    arith.AndIOp: "and",
    arith.OrIOp: "or",
    arith.XOrIOp: "xor",
    arith.ShLIOp: "shl",
    arith.ShRSIOp: "ashr",
    arith.ShRUIOp: "lshr",
}

INTRINSICS: dict[type[Operation], str] = {
    arith.MaxnumfOp: "maxnum",
    arith.MinnumfOp: "minnum",
    arith.MaxSIOp: "smax",
    arith.MinSIOp: "smin",
    arith.MaxUIOp: "umax",
    arith.MinUIOp: "umin",
    math.AbsFOp: "fabs",
    math.CeilOp: "ceil",
    math.CopySignOp: "copysign",
    math.CtPopOp: "ctpop",
    math.FloorOp: "floor",
    math.FmaOp: "fma",
    math.RoundEvenOp: "roundeven",
    math.RoundOp: "round",
    math.SqrtOp: "sqrt",
    math.TruncOp: "trunc",
    vector.FMAOp: "fma",
}

LIBRARY: dict[type[Operation], str] = {
    math.AcosOp: "acos",
    math.AcoshOp: "acosh",
    math.AsinOp: "asin",
    math.AsinhOp: "asinh",
    math.Atan2Op: "atan2",
    math.AtanOp: "atan",
    math.AtanhOp: "atanh",
    math.CbrtOp: "cbrt",
    math.CosOp: "cos",
    math.CoshOp: "cosh",
    math.ErfOp: "erf",
    upstream_math.ErfcOp: "erfc",
    math.Exp2Op: "exp2",
    math.ExpM1Op: "expm1",
    math.ExpOp: "exp",
    math.IPowIOp: "ipowi",
    math.Log10Op: "log10",
    math.Log1pOp: "log1p",
    math.Log2Op: "log2",
    math.LogOp: "log",
    math.PowFOp: "pow",
    math.SinOp: "sin",
    math.SinhOp: "sinh",
    math.TanOp: "tan",
    math.TanhOp: "tanh",
}

CASTS: dict[type[Operation], str] = {
    arith.ExtFOp: "fpext",
    casts.SIToFPOp: "sitofp",
    casts.UIToFPOp: "uitofp",
    casts.FPToSIOp: "fptosi",
    casts.FPToUIOp: "fptoui",
    casts.ExtSIOp: "sext",
    casts.ExtUIOp: "zext",
    casts.TruncIOp: "trunc",
}

EMITTERS: EmitterTable = {
    **{op: instruction(word) for op, word in INSTRUCTIONS.items()},
    **{op: intrinsic(name) for op, name in INTRINSICS.items()},
    **{op: library(name) for op, name in LIBRARY.items()},
    **{op: cast(word) for op, word in CASTS.items()},
    arith.BitcastOp: bitcast,
    arith.ConstantOp: emit_constant,
    arith.TruncFOp: narrowed,
    casts.IndexCastOp: index_cast("sext"),
    casts.IndexCastUIOp: index_cast("zext"),
    comparisons.CmpfOp: compare("fcmp", arith.CMPF_COMPARISON_OPERATIONS),
    comparisons.CmpiOp: compare("icmp", arith.CMPI_COMPARISON_OPERATIONS),
    comparisons.SelectOp: select,
    RemfOp: remainder,
    math.AbsIOp: intrinsic("abs", ("i1", "false")),
    math.CountLeadingZerosOp: intrinsic("ctlz", ("i1", "false")),
    math.CountTrailingZerosOp: intrinsic("cttz", ("i1", "false")),
    math.RsqrtOp: reciprocal_square_root,
    upstream_math.ClampFOp: clamp,
    upstream_math.IsFiniteOp: magnitude_against_infinity("one"),
    upstream_math.IsInfOp: magnitude_against_infinity("oeq"),
    upstream_math.IsNaNOp: is_nan,
    vector.BitcastOp: bitcast,
}
