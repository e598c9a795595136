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
from pullback.backends.cpu.math_exp import exp
from pullback.backends.cpu.math_log import log
from pullback.backends.cpu.math_tanh import tanh
from pullback.backends.cpu.types import element_type, spell, suffix

ATTRIBUTES = "alwaysinline nounwind memory(none)"

FUNCTIONS: dict[str, Callable[[Lanes], Lanes]] = {
    "exp": exp,
    "log": log,
    "tanh": tanh,
}
"""Name -> what writes the body, for f32 and f64."""


def instantiate(name: str, type: Attribute) -> tuple[str, set[str]]:
    """The definition of `@pb.<name>.<type>`, and the declarations that it needs.

    Raises ValueError for an element type other than f32 and f64.
    """
    if not isinstance(element_type(type), Float32Type | Float64Type):
        raise ValueError(f"the math library has no {name} for {element_type(type)}, only for f32 and f64")
    body = Body(type)
    result = FUNCTIONS[name](Lanes(body, "%x", type))
    spelled = spell(type)
    head = f"define internal {spelled} @pb.{name}.{suffix(type)}({spelled} %x) {ATTRIBUTES} {{"
    lines = [head, "entry:", *body.lines, f"  ret {spelled} {result.text}", "}"]
    return "\n".join(lines), body.declarations
