"""Pipelines: the named ones as data, and reading one from text: `cse,aggregate-gradients{method=tree}`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, partial

from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes
from xdsl.utils.arg_spec import ArgSpec, PipelineLexer, SpecTokenKind, parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError
from xdsl.utils.lexer import Input, Span

from pullback.passes.catalog import PASSES
from pullback.passes.options import instance


@dataclass(frozen=True)
class Pipeline:
    """A named list of passes, or of other named pipelines."""

    meaning: str
    passes: str


PIPELINES: dict[str, Pipeline] = {
    "gradients": Pipeline(
        "calls are gone, each request becomes gradients, whose sums and groups are still marked",
        "inline-calls,generate-gradients,verify-level{level=gradients}",
    ),
    "finish": Pipeline(
        "sums and groups become operations as the requests ask, and what nobody needs goes",
        "inline-calls,aggregate-gradients,gate-gradients,merge-loops,simplify",
    ),
    "simplify": Pipeline(
        "a finished graph without what folds, is there twice, or is of no use",
        "canonicalize,cse,dce,verify-level{level=graph}",
    ),
    "kernels": Pipeline(
        "kernels with a schedule each, and a place in memory for every value; of a finished graph of static shapes",
        "inline-calls,form-kernels,plan-memory,verify-level{level=kernels}",
    ),
    "loops": Pipeline(
        "CPU loops over memory, one function for each kernel, and the host function that calls them",
        "lower-to-loops,verify-level{level=loops}",
    ),
    "gpu": Pipeline(
        "GPU kernels, and the host function that launches them",
        "lower-to-kernels,verify-level{level=gpu}",
    ),
}
"""From each level to the next (`simplify` stays where it is), each ending in the check of what it promises."""

_SPAN_NAME = "<pipeline>"


class PipelineError(ValueError):
    """The text of a pipeline is wrong at `span`."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


PassFactories = Mapping[str, Callable[[], type[ModulePass]]]
"""Passes by name, imported when asked for; the form in which xDSL lists its own."""


@cache
def available_passes() -> PassFactories:
    """Our passes and those that come with xDSL, by name."""
    return {**get_all_passes(), **own_passes()}


def own_passes() -> PassFactories:
    """Our passes by name."""
    return {cls.name: partial(_identity, cls) for cls in PASSES}


def parse_passes(text: str, available: PassFactories | None = None) -> tuple[ModulePass, ...]:
    """The passes that a pipeline's text stands for, named pipelines expanded.

    Args:
        text: comma-separated names of passes and pipelines, a pass with options as in
            `aggregate-gradients{method=tree}`.
        available: the passes that may be named; `available_passes()` unless given.

    Raises:
        PipelineError: for wrong syntax, an unknown name, or a wrong option, at its place in `text`.
    """
    return tuple(_passes(text, available or available_passes(), ()))


def _passes(text: str, available: PassFactories, within: tuple[str, ...]) -> Iterator[ModulePass]:
    try:
        specs = list(parse_pipeline(text))
    except ArgSpecParseError as error:
        raise syntax_error(error) from None
    for spec, span in zip(specs, _name_spans(text), strict=True):
        if spec.name not in PIPELINES:
            yield _instance(spec, span, available)
            continue
        if spec.parameters:
            raise PipelineError(f"pipeline '{spec.name}' takes no options; its passes do", span)
        if spec.name in within:
            raise PipelineError(f"pipeline '{spec.name}' contains itself", span)
        yield from _passes(PIPELINES[spec.name].passes, available, (*within, spec.name))


def _instance(spec: ArgSpec, span: Span, available: PassFactories) -> ModulePass:
    if spec.name not in available:
        near = get_close_matches(spec.name, [*available, *PIPELINES], n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; see --list-passes and --list-pipelines"
        raise PipelineError(f"unknown pass or pipeline '{spec.name}'{hint}", span)
    try:
        return instance(available[spec.name](), spec)
    except ValueError as error:
        raise PipelineError(f"pass '{spec.name}': {error}", span) from None


def _identity(cls: type[ModulePass]) -> type[ModulePass]:
    return cls


def _name_spans(text: str) -> Iterator[Span]:
    """Where each pass is named: the identifiers outside braces. xDSL keeps no positions."""
    lexer = PipelineLexer(text)
    depth = 0
    while (token := lexer.lex()).kind is not SpecTokenKind.EOF:
        depth += (token.kind is SpecTokenKind.L_BRACE) - (token.kind is SpecTokenKind.R_BRACE)
        if depth == 0 and token.kind is SpecTokenKind.IDENT:
            yield Span(token.span.start, token.span.end, Input(text, _SPAN_NAME))


def syntax_error(error: ArgSpecParseError) -> PipelineError:
    """xDSL's message is laid out in lines: a title, `name:line:column`, the text, a caret, the fault."""
    _, position, text, *_, message = (line for line in str(error).splitlines() if line.strip())
    start = int(position.rpartition(":")[2]) - 1
    message = message.strip()
    return PipelineError(message[0].lower() + message[1:], Span(start, start + 1, Input(text, _SPAN_NAME)))
