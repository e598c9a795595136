"""Printing a module that may be broken, as a pass that failed left it."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.ir.text import print_module


def print_anyway(module: ModuleOp, printed: Callable[[ModuleOp], str] = print_module) -> str:
    """Prints a module: in generic syntax where its own fails, and where that does, too, a comment that says why."""
    try:
        return printed(module)
    except Exception:
        try:
            return print_module(module, generic=True)
        except Exception as error:
            return f"// the IR cannot be printed: {type(error).__name__}: {' '.join(str(error).split())}\n"
