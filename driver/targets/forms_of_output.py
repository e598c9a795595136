"""The forms of output that are not MLIR, as xDSL's class `Target`: the texts of targets, and what plug-ins bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from io import StringIO
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target as Format

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import GraphError
from pullback.driver.targets.registry import FORMATS, forms
from pullback.driver.targets.target import Text
from pullback.passes.pipeline.verify_level import verify_level


def own_format(name: str) -> type[Format]:
    """The text of a registered target that has this name, as xDSL's class.

    xDSL has a target `llvm` of its own, and one name for two targets would stop `xdsl-opt` from starting.
    """
    return _as_target(name, forms()[name])


def formats() -> dict[str, Callable[[], type[Format]]]:
    """The forms of output that are not MLIR, by name: those of registered targets, and those of plug-ins."""
    return {**{name: partial(own_format, name) for name in forms()}, **FORMATS}


def translated(module: ModuleOp, form: str) -> str:
    """A module in another form than MLIR.

    Raises:
        GraphError: for an unknown form.
        DiagnosticError: the module is not of the level that has this form.
    """
    known = formats()
    if form not in known:
        raise GraphError(f"form {form!r} is not known: expected one of {', '.join(known)}")
    written = StringIO()
    known[form]()().emit(context(), module, written)
    return written.getvalue()


@cache
def _as_target(format_name: str, text: Text) -> type[Format]:
    @dataclass(frozen=True)
    class PrintedText(Format):
        name = format_name

        def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
            verify_level(module, text.level)
            output.write(text.printed(module))

    PrintedText.__doc__ = text.meaning
    return PrintedText
