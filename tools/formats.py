"""The forms of output of `pullback-opt -t`: MLIR, and the texts that targets print, as xDSL's class `Target`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.targets.mlir import MLIRTarget
from xdsl.utils.lexer import Input, Span
from xdsl.utils.target import Target

from pullback.driver.targets.registry import FORMATS, forms
from pullback.driver.targets.target import Text
from pullback.passes.pipeline.pipeline_text import PipelineError, parse_specs
from pullback.passes.pipeline.verify_level import verify_level


def own_format(name: str) -> type[Target]:
    """The text of a registered target that has this name, as xDSL's class.

    xDSL has a target `llvm` of its own, and one name for two targets would stop `xdsl-opt` from starting.
    """
    return _as_target(name, forms()[name])


def formats() -> dict[str, Callable[[], type[Target]]]:
    """The forms of output that are not MLIR, by name: those of registered targets, and those of plug-ins."""
    return {**{name: partial(own_format, name) for name in forms()}, **FORMATS}


def format_named(written: str) -> Target:
    """The form of output that a text names, `llvm-ir` or `mlir{print_debuginfo=true}`.

    xDSL has more of them, for dialects of which our levels are no programs.

    Raises:
        PipelineError: for another name or wrong options, at its place in the text.
    """
    known = {MLIRTarget.name: lambda: MLIRTarget, **formats()}
    specs = parse_specs(written, "<target>")
    if len(specs) != 1:
        raise PipelineError(
            f"expected one of {', '.join(known)}", Span(0, max(1, len(written)), Input(written, "<target>"))
        )
    spec, span = specs[0].spec, specs[0].span
    if spec.name not in known:
        raise PipelineError(f"unknown target '{spec.name}'; expected one of {', '.join(known)}", span)
    try:
        return known[spec.name]().from_spec(spec)
    except (ValueError, TypeError) as error:
        raise PipelineError(f"target '{spec.name}': {error}", span) from None


@cache
def _as_target(format_name: str, text: Text) -> type[Target]:
    @dataclass(frozen=True)
    class PrintedText(Target):
        name = format_name

        def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
            verify_level(module, text.level)
            output.write(text.printed(module))

    PrintedText.__doc__ = text.meaning
    return PrintedText
