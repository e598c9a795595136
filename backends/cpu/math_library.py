"""The library of elementary functions: `@pb.exp.v16f32` and its like, written where a module calls them.

Each function is a branch-free body in `lanes`, right for NaN, infinities, signed zeros, denormals and
overflow, and is instantiated for the types that a module uses. To add one: write its body, and give it a row
here and its operation a row in `elementwise.LIBRARY`.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import Float32Type, Float64Type
from xdsl.ir import Attribute

from pullback.backends.cpu.lanes import Body, Lanes
from pullback.backends.cpu.math_exp import exp_f32, exp_f64
from pullback.backends.cpu.math_log import log_f32, log_f64
from pullback.backends.cpu.math_tanh import tanh_f32, tanh_f64
from pullback.backends.cpu.types import element_type, spell, suffix

ATTRIBUTES = "alwaysinline nounwind memory(none)"

FUNCTIONS: dict[tuple[str, type[Attribute]], Callable[[Lanes], Lanes]] = {
    ("exp", Float32Type): exp_f32,
    ("exp", Float64Type): exp_f64,
    ("log", Float32Type): log_f32,
    ("log", Float64Type): log_f64,
    ("tanh", Float32Type): tanh_f32,
    ("tanh", Float64Type): tanh_f64,
}
"""Name and element type -> what writes the body."""


def instantiate(name: str, type: Attribute) -> tuple[str, set[str]]:
    """The definition of `@pb.<name>.<type>`, and the declarations that it needs.

    Raises ValueError for an element type that has no such function.
    """
    function = FUNCTIONS.get((name, element_type(type).__class__))
    if function is None:
        raise ValueError(f"the math library has no {name} for {element_type(type)}, only for f32 and f64")
    body = Body(type)
    result = function(Lanes(body, "%x", type))
    spelled = spell(type)
    head = f"define internal {spelled} @pb.{name}.{suffix(type)}({spelled} %x) {ATTRIBUTES} {{"
    lines = [head, "entry:", *body.lines, f"  ret {spelled} {result.text}", "}"]
    return "\n".join(lines), body.declarations
