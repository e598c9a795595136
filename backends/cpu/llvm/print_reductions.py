"""Prints `vector.reduction`: all lanes of a vector as one."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.backends.cpu.llvm.function_printer import EmitterTable, FunctionPrinter, LLVMPrintError
from pullback.backends.cpu.llvm.print_elementwise import fastmath
from pullback.backends.cpu.llvm.print_vectors import shuffle_mask, vector_type
from pullback.backends.cpu.llvm_types import FLOATS, float_literal, spell, suffix
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
    type, text = vector_type(op.vector), p.text(op.vector)
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
    p.define(op.dest, f"extractelement {spell(type)} {text}, i64 0")


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
