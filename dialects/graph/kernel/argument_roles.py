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

from pullback.dialects.ir.diagnostics import DiagnosticError

ARGUMENTS = "graph.arguments"
"""The attribute of a function on memory that gives the role of each argument."""
DEVICES = "graph.devices"
"""The attribute of a host function that gives the device of each argument."""
VARIABLE = "variable:"
CONSTANT = "constant:"
HOST_ARENA = "host_arena"
ARENAS = ("arena", HOST_ARENA)
UNDEFINED = ("output", *ARENAS)
"""The roles of memory whose contents mean nothing when the function is called."""
ON_DEVICES = (CONSTANT, HOST_ARENA)
"""Roles of level `gpu` alone."""
ROLES = ("input", VARIABLE, "output", "arena", *ON_DEVICES)
"""All roles; a name follows on those that end in a colon."""


def argument_roles(function: Operation) -> Sequence[str]:
    """What each argument of a function on memory is for; nothing where a lowering did not say so."""
    return strings(function, ARGUMENTS) or ()


def check_roles(function: Operation, roles: Sequence[str] = ROLES) -> None:
    """Checks the roles that a function states for its arguments, if it states any.

    Raises:
        DiagnosticError: there is not one of these roles for each argument.
    """
    if ARGUMENTS not in function.attributes:
        return
    expected = ", ".join(f"{role}NAME" if role.endswith(":") else role for role in roles)
    stated, arguments = strings(function, ARGUMENTS), function.regions[0].block.args
    if stated is None:
        raise DiagnosticError(f"{ARGUMENTS} is no list: expected a string for each argument", function)
    if len(stated) != len(arguments):
        raise DiagnosticError(
            f"{ARGUMENTS} has {len(stated)} roles for {len(arguments)} arguments: expected one for each",
            function,
        )
    for number, role in enumerate(stated):
        kind, colon, name = role.partition(":")
        if kind + colon not in roles or (colon and not name):
            raise DiagnosticError(
                f"{ARGUMENTS} says that argument {number} is '{role}': expected one of {expected}", function
            )


def strings(op: Operation, attribute: str) -> Sequence[str] | None:
    """A list of strings in an attribute of an operation; None where there is none."""
    listed = op.attributes.get(attribute)
    if not isinstance(listed, ArrayAttr):
        return None
    elements: Sequence[object] = listed.data  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return [element.data if isinstance(element, StringAttr) else str(element) for element in elements]
