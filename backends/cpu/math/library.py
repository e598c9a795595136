"""The library of elementary functions: `@pb.exp.v16f32` and its like, written where a module calls them.

Each function is a body in `lanes` without loops, right for NaN, infinities, signed zeros, denormals and overflow, and
is instantiated for the types that a module uses. What the C library does is called lane by lane. To add one: write its
body, and give it a row here and its operation a row in `print_elementwise.LIBRARY`.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import Float32Type, Float64Type
from xdsl.ir import Attribute

from pullback.backends.cpu.llvm_types import VECTOR_CODE, element_type, spell, suffix
from pullback.backends.cpu.math.arcs import acos, asin, atan, atan2
from pullback.backends.cpu.math.erf import erf, erfc
from pullback.backends.cpu.math.exp import exp, exp2, expm1
from pullback.backends.cpu.math.fmod import fmod
from pullback.backends.cpu.math.hyperbolic import acosh, asinh, atanh, cosh, sinh, sinh_cosh
from pullback.backends.cpu.math.integer_powers import ipowi
from pullback.backends.cpu.math.lanes import FunctionBody, LLVMValue, result_type
from pullback.backends.cpu.math.log import log, log1p, log2, log10
from pullback.backends.cpu.math.pow import pow
from pullback.backends.cpu.math.sin_cos import cos, sin, sin_cos, tan
from pullback.backends.cpu.math.tanh import tanh

INLINED = "alwaysinline nounwind memory(none)"
CALLED = f"noinline nounwind memory(none) {VECTOR_CODE}"


def by_lane(name: str) -> Callable[..., LLVMValue]:
    """The function of the C library, which takes one number at a time."""
    return lambda *arguments: arguments[0].body.by_lane(name, *arguments)


FUNCTIONS: dict[str, Callable[..., LLVMValue]] = {
    "acos": acos,
    "acosh": acosh,
    "asin": asin,
    "asinh": asinh,
    "atan": atan,
    "atan2": atan2,
    "atanh": atanh,
    "cbrt": by_lane("cbrt"),
    "cos": cos,
    "cosh": cosh,
    "erf": erf,
    "erfc": erfc,
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "fmod": fmod,
    "ipowi": ipowi,
    "log": log,
    "log10": log10,
    "log1p": log1p,
    "log2": log2,
    "pow": pow,
    "sin": sin,
    "sinh": sinh,
    "tan": tan,
    "tanh": tanh,
}
"""Name -> what writes the body."""
PAIRS: dict[str, Callable[[LLVMValue], tuple[LLVMValue, LLVMValue]]] = {
    "sin_cos": sin_cos,
    "sinh_cosh": sinh_cosh,
}
"""Name -> what writes the body of a function with two results, which share most of their work.

Each result has the bits of the function that has it alone.
"""
BINARY = frozenset({"atan2", "fmod", "ipowi", "pow"})
"""Functions of two arguments."""
OF_INTEGERS = frozenset({"ipowi"})
"""Functions of integers; the others are of f32 and f64."""


def check_element_type(name: str, type: Attribute) -> None:
    """Raises ValueError for an element type other than f32 and f64 (or integers, for functions of these)."""
    if name not in OF_INTEGERS and not isinstance(element_type(type), Float32Type | Float64Type):
        raise ValueError(f"the math library has no {name} for {element_type(type)}, only for f32 and f64")


def instantiate(name: str, type: Attribute) -> tuple[str, set[str]]:
    """The definition of `@pb.<name>.<type>`, and the declarations that it needs.

    Raises ValueError for an element type that `check_element_type` refuses.
    """
    check_element_type(name, type)
    body = FunctionBody(type)
    parameters = [LLVMValue(body, x, type) for x in (("%x", "%y") if name in BINARY else ("%x",))]
    results = PAIRS[name](*parameters) if name in PAIRS else (FUNCTIONS[name](*parameters),)
    return body.definition(f"@pb.{name}.{suffix(type)}", parameters, results, INLINED), body.declarations


def instantiate_for_several(name: str, type: Attribute, count: int) -> str:
    """The definition of `@pb.<name>.<type>.x<count>`, which is called for so many arguments; each result has its bits.

    It returns a struct of the results, or the one.
    """
    result = result_type([type] * (2 if name in PAIRS else 1))
    symbol = f"@pb.{name}.{suffix(type)}"
    operands = [
        [f"{spell(type)} %{x}{at}" for x in ("x", "y")[: 1 + (name in BINARY)]] for at in range(count)
    ]
    parameters = ", ".join(operand for pair in operands for operand in pair)
    struct = result if count == 1 else f"{{ {', '.join([result] * count)} }}"
    lines = [f"define internal {struct} {symbol}.x{count}({parameters}) {CALLED} {{", "entry:"]
    lines += [f"  %r{at} = call {result} {symbol}({', '.join(pair)})" for at, pair in enumerate(operands)]
    value = "%r0" if count == 1 else "poison"
    for at in range(count if count > 1 else 0):
        lines.append(f"  %s{at} = insertvalue {struct} {value}, {result} %r{at}, {at}")
        value = f"%s{at}"
    return "\n".join([*lines, f"  ret {struct} {value}", "}"])
