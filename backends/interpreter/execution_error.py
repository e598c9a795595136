"""Errors of the interpreters: which op of the program went wrong, and where it is in the source."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from pullback.dialects.graph.tensor.location import name_in, position_of
from pullback.dialects.ir.diagnostics import DiagnosticError


class ExecutionError(DiagnosticError, RuntimeError):
    """Undefined behaviour: an access out of bounds, a read of unwritten memory, a race. Names the op."""

    def __init__(self, op: Operation, message: str) -> None:
        super().__init__(f"{describe(op)}: {message}", op)


def describe(op: Operation) -> str:
    """`file:3:5: memref.load in @main "layer/tanh"`, with whatever of it is known."""
    position = position_of(op)
    prefix = "" if position is None else "{}:{}:{}: ".format(*position)
    function = enclosing_function(op)
    suffix = "" if function is None else f" in @{function}"
    name = name_in(op.location)
    return prefix + op.name + suffix + ("" if name is None else f' "{name}"')


def enclosing_function(op: Operation) -> str | None:
    """The symbol of the function that holds `op`."""
    parent = op.parent_op()
    while parent is not None and parent.name not in ("func.func", "gpu.func"):
        parent = parent.parent_op()
    return None if parent is None else symbol_of(parent)


def symbol_of(op: Operation) -> str | None:
    """The op's `sym_name`, wherever its class keeps it."""
    name = op.properties.get("sym_name") or op.attributes.get("sym_name")
    return name.data if isinstance(name, StringAttr) else None
