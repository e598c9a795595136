"""The forms of output of `pullback-opt -t`: MLIR, and the texts that targets print, as xDSL's class `Target`."""

from __future__ import annotations

from xdsl.targets.mlir import MLIRTarget
from xdsl.utils.lexer import Input, Span
from xdsl.utils.target import Target

from pullback.driver.targets.forms_of_output import formats
from pullback.passes.pipeline.pipeline_text import PipelineError, parse_specs


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
