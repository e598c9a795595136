"""Roles of the arguments of a lowered function, which states them as `graph.arguments = ["input", "output", "arena"]`.

input               what the program takes
variable:NAME       the contents of a variable, which the function may change
output              what the program gives
arena               memory for everything between, which means nothing before and after a call
constant:SYMBOL     at level `gpu`: memory of the device that holds what the `memref.global` @SYMBOL does
host_arena          at level `gpu`: memory of the host for what it works on, which means nothing before and after
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Operation

ARGUMENTS = "graph.arguments"
"""The attribute of a function on memory that gives the role of each argument."""
VARIABLE = "variable:"
CONSTANT = "constant:"
HOST_ARENA = "host_arena"
ARENAS = ("arena", HOST_ARENA)
UNDEFINED = ("output", *ARENAS)
"""The roles of memory whose contents mean nothing when the function is called."""


def argument_roles(function: Operation) -> Sequence[str]:
    """What each argument of a function on memory is for; nothing where a lowering did not say so."""
    return strings(function, ARGUMENTS) or ()


def strings(op: Operation, attribute: str) -> Sequence[str] | None:
    """A list of strings in an attribute of an operation; None where there is none."""
    listed = op.attributes.get(attribute)
    if not isinstance(listed, ArrayAttr):
        return None
    elements: Sequence[object] = listed.data  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return [element.data if isinstance(element, StringAttr) else str(element) for element in elements]
