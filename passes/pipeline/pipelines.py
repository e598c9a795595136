"""Pipelines: the named ones as data, and parsing one from text: `cse,aggregate-gradients{method=tree}`."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes
from xdsl.utils.arg_spec import ArgSpec, ParameterListType

from pullback.passes.pipeline.catalog import PASSES, PassFactories
from pullback.passes.pipeline.options import instance, options_of
from pullback.passes.pipeline.pipeline_text import FUNCTION, MODULE, PassSpec, PipelineError, parse_specs
from pullback.process.close_matches import get_close_matches
from pullback.process.registries import Registry


@dataclass(frozen=True)
class Pipeline:
    """A named list of passes, or of other named pipelines."""

    meaning: str
    passes: str


PIPELINES: Registry[Pipeline] = Registry("pipeline")
"""The named pipelines. Ours lead from each level to the next (`simplify` stays where it is), each ending in the check
of what it promises."""

for _name, _pipeline in {
    "gradients": Pipeline(
        "calls are gone, each request becomes gradients, whose sums and groups are still marked",
        "inline-calls,generate-gradients,verify-level{level=gradients}",
    ),
    "finish": Pipeline(
        "sums and groups become operations as the requests ask, and unused operations are removed",
        "inline-calls,aggregate-gradients,gate-gradients,merge-loops,simplify",
    ),
    "simplify": Pipeline(
        "a finished graph without what folds, is there twice, or is of no use",
        "canonicalize,cse,dce,verify-level{level=graph}",
    ),
    "kernels": Pipeline(
        "kernels with a schedule each, and a place in memory for every value; of a finished graph of static shapes",
        "inline-calls,batch-products,stacks-to-rows,hoist-invariants,block-rows,place-devices,form-kernels,"
        "plan-memory,verify-level{level=kernels}",
    ),
    "loops": Pipeline(
        "CPU loops over memory, one function for each kernel, and the host function that calls them",
        "lower-to-loops,verify-level{level=loops}",
    ),
    "gpu": Pipeline(
        "GPU kernels, and the host function that launches them",
        "lower-to-gpu,verify-level{level=gpu}",
    ),
}.items():
    PIPELINES.add(_name, _pipeline)
PIPELINES.seal()

OptionValue: TypeAlias = int | str | tuple[str, ...]
"""The value of an option, or several."""


def available_passes() -> PassFactories:
    """The passes by name: ours, those of plug-ins, and those that come with xDSL, where a name is not taken."""
    return ChainMap(PASSES, get_all_passes())  # pyright: ignore[reportArgumentType] none is written to


def own_passes() -> PassFactories:
    """Our passes and those of plug-ins by name."""
    return PASSES


def parse_passes(text: str, available: PassFactories | None = None) -> tuple[ModulePass, ...]:
    """Parses a pipeline's text to passes, with named pipelines expanded.

    Args:
        text: names of passes and pipelines, separated by commas, with blanks and newlines where they please; a pass
            with options as in `aggregate-gradients{method=tree}`. As mlir-opt has it they may be in
            `builtin.module(...)`, and those that work function by function in `func.func(...)`: these run as they do
            outside.
        available: the passes that may be named; `available_passes()` unless given.

    Raises:
        PipelineError: for wrong syntax, an unknown name, a wrong option, or a pass that needs the module where
            functions are named, at its place in `text`.
    """
    known = available_passes() if available is None else available
    return tuple(_instance(written, known) for written in _expanded(text, ()))


def specified_passes(text: str) -> tuple[tuple[ModulePass, ArgSpec], ...]:
    """The passes of a pipeline's text as `parse_passes`, each with what the text says of it."""
    available = available_passes()
    return tuple((_instance(written, available), written.spec) for written in _expanded(text, ()))


def levels_through(text: str) -> tuple[str, ...]:
    """The levels that a pipeline's text goes through, each of which it checks; no pass is imported.

    Raises:
        PipelineError: for wrong syntax.
    """
    checks = (one.spec.parameters for one in _expanded(text, ()) if one.spec.name == "verify-level")
    return tuple(str(level) for parameters in checks for level in parameters.get("level", ()))


def with_options(text: str, values: Mapping[str, OptionValue]) -> str:
    """The text of a pipeline's passes, each with those of the options that it has and the text leaves open.

    What a target is capable of reaches passes in this way alone: as text.

    Raises:
        PipelineError: as `parse_passes`.
        ValueError: where no pass takes one of the options.
    """
    available = available_passes()
    written: list[str] = []
    taken: set[str] = set()
    for one in _expanded(text, ()):
        spec, options = one.spec, options_of(type(_instance(one, available)))
        told = {n: _listed(v) for n, v in values.items() if n in options and n not in spec.parameters}
        written.append(str(ArgSpec(spec.name, {**spec.parameters, **told})))
        taken.update(told)
    if missing := [name for name in values if name not in taken]:
        raise ValueError(f"no pass of '{text}' takes the option '{missing[0]}'")
    return ",".join(written)


RENAMED = {"lower-to-kernels": ["lower-to-gpu"]}
"""Passes that had other names: close matches would lead elsewhere."""


def _listed(value: OptionValue) -> ParameterListType:
    return value if isinstance(value, tuple) else (value,)


def _expanded(text: str, within: tuple[str, ...]) -> Iterator[PassSpec]:
    """The passes of a text as they are written, those of named pipelines in their place."""
    for one in parse_specs(text):
        name = one.spec.name
        if name in PASSES.registered or name not in PIPELINES:
            yield one
            continue
        if one.spec.parameters:
            raise PipelineError(f"pipeline '{name}' takes no options; its passes do", one.span)
        if name in within:
            raise PipelineError(f"pipeline '{name}' contains itself", one.span)
        for inner in _expanded(PIPELINES[name].passes, (*within, name)):
            nested = one.anchor if inner.anchor == MODULE else inner.anchor
            yield PassSpec(inner.spec, one.span if nested == FUNCTION else inner.span, nested)


def anchor_of(cls: type[ModulePass]) -> str:
    """What a pass works on: `func.func` for one that says so by its attribute `anchor`, as it looks at each alone."""
    return getattr(cls, "anchor", MODULE)


def _instance(written: PassSpec, available: PassFactories) -> ModulePass:
    spec, span = written.spec, written.span
    if spec.name not in available:
        near = RENAMED.get(spec.name) or get_close_matches(spec.name, [*available, *PIPELINES], n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "; see --list-passes and --list-pipelines"
        raise PipelineError(f"unknown pass or pipeline '{spec.name}'{hint}", span)
    if written.anchor == FUNCTION and anchor_of(available[spec.name]()) != FUNCTION:
        raise PipelineError(
            f"pass '{spec.name}' needs the whole module: write it outside of {FUNCTION}(...)", span
        )
    try:
        return instance(available[spec.name](), spec)
    except ValueError as error:
        raise PipelineError(f"pass '{spec.name}': {error}", span) from None
