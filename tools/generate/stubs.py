"""`frontend/functions/elementwise.pyi`: type stubs of the functions that are generated from operation classes."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from importlib import import_module
from typing import Any

FUNCTIONS: dict[str, Callable[..., Any]] = import_module("pullback.frontend.functions.elementwise").FUNCTIONS
"""By name: type checkers see the stub alone."""

HEADER = """# Made by `python -m pullback.tools.generate` from the classes of the operations.
from pullback.dialects.graph.tensor.tensor import Operand, Tensor

"""


def stubs() -> str:
    """The whole file."""
    public = ", ".join(f'"{name}"' for name in FUNCTIONS)
    return f"{HEADER}__all__ = [{public}]\n\n" + "\n".join(
        _stub(name, function) for name, function in FUNCTIONS.items()
    )


def _stub(name: str, function: Callable[..., Any]) -> str:
    parameters = [
        p.replace(annotation=inspect.Parameter.empty) for p in inspect.signature(function).parameters.values()
    ]
    types = {"name": "str | None"}
    written = [
        f"{p.name}: {types.get(p.name, 'Operand')}{'' if p.default is p.empty else ' = None'}"
        for p in parameters
    ]
    docstring = textwrap.indent(f'"""{inspect.getdoc(function)}"""', "    ")
    return f"def {name}({', '.join(written)}) -> Tensor:\n{docstring}\n"
