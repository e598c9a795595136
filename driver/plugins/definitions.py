"""Registers single definitions, each in the registry of its type, and all those of a plug-in.

It imports every registry: what comes with Pullback is in them before a plug-in is recorded, and is not taken for what
the plug-in brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes

from pullback.dialects.context import DIALECTS
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.driver.plugins.late_imports import Late
from pullback.driver.plugins.plugin import Plugin
from pullback.driver.targets.registry import FORMATS, TARGETS, register_target
from pullback.driver.targets.target import Target
from pullback.passes.gradients import rule_registry
from pullback.passes.lowering.kernel_kind import Kind
from pullback.passes.lowering.kinds import add_kind
from pullback.passes.pipeline.catalog import PASSES, PassClass
from pullback.passes.pipeline.pipelines import PIPELINES, Pipeline, parse_passes
from pullback.passes.simplify import folds as folds
from pullback.process.registries import DuplicateError


def add_all(plugin: Plugin, *, replace: bool = False) -> None:
    """Registers each definition of a plug-in; the surrounding `recording` notes them."""
    parts: Iterable[object] = (
        *plugin.dialects,
        *plugin.operations,
        *plugin.kinds,
        *plugin.passes,
    )
    for part in parts:
        adder(part)(replace)
    for op, rule in plugin.rules.items():
        rule_registry.register(op if isinstance(op, str) else op.name, rule, replace=replace)
    for name, pipeline in plugin.pipelines.items():
        add_pipeline(name, pipeline, replace=replace)
    for target in plugin.targets:
        register_target(target, replace=replace)
    for name, factory in plugin.formats.items():
        add_format(name, factory, replace=replace)


def adder(definition: object) -> Callable[[bool], None]:
    """Finds what registers a definition, by its type; it is told whether another one gives way.

    Raises:
        TypeError: it is no definition.
    """
    match definition:
        case Dialect():
            return lambda replace: add_dialect(definition, replace=replace)
        case Kind():
            return lambda replace: add_kind(definition, replace=replace)
        case Target():
            return lambda replace: register_target(definition, replace=replace)
        case Late():
            return lambda replace: add_pass(definition.name, definition, replace=replace)
        case type() if issubclass(definition, ModulePass):
            return lambda replace: add_pass(definition.name, PassClass(definition), replace=replace)
        case type() if issubclass(definition, GraphOp):
            return lambda replace: OPS.add(definition.name, definition, replace=replace)
        case _:
            raise TypeError(
                f"expected a Plugin, an operation, a dialect, a pass, a kind of kernels or a target, got {definition!r}"
            )


# ---- single definitions -----------------------------------------------------------------------------------------


def add_dialect(dialect: Dialect, *, replace: bool = False) -> None:
    """Registers a dialect, and its graph operations."""
    DIALECTS.add(dialect.name, DialectValue(dialect), replace=replace)
    for op in dialect.operations:
        if issubclass(op, GraphOp):
            OPS.add(op.name, op, replace=replace)


@dataclass(frozen=True, eq=False)
class DialectValue:
    """The factory of a dialect that is at hand; equal if it is the same dialect."""

    holds: Dialect

    def __call__(self) -> Dialect:
        return self.holds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DialectValue) and other.holds is self.holds

    def __hash__(self) -> int:
        return id(self.holds)


def add_pass(name: str, factory: Callable[[], type[ModulePass]], *, replace: bool = False) -> None:
    """Registers a pass under a name that no pipeline has, and no pass of xDSL."""
    _check_free(name, "pass", PIPELINES.registered)
    before = PASSES.registered.get(name)
    if before is None:
        _check_free(name, "pass", get_all_passes(), "xDSL's pass")
    elif before() is factory():
        factory = before  # a universe and a `Plugin` may name the same class
    PASSES.add(name, factory, replace=replace)


def add_pipeline(name: str, pipeline: Pipeline, *, replace: bool = False) -> None:
    """Registers a pipeline under a name that no pass has; its text must be one.

    Raises:
        PipelineError: its text names an unknown pass.
    """
    _check_free(name, "pipeline", PASSES.registered)
    _check_free(name, "pipeline", get_all_passes(), "xDSL's pass")
    parse_passes(pipeline.passes)
    PIPELINES.add(name, pipeline, replace=replace)


def add_format(name: str, factory: Callable[[], Any], *, replace: bool = False) -> None:
    """Registers a form of output under a name that no target's text has."""
    taken = {text.format: t for t in TARGETS.registered.values() for text in t.texts}
    if name == "mlir" or name in taken:
        raise DuplicateError(f"form of output {name!r} is defined twice: a target prints it already")
    FORMATS.add(name, factory, replace=replace)


def _check_free(name: str, what: str, others: Iterable[str], other: str = "a pass or pipeline") -> None:
    """Passes and pipelines are named in one text, so a name is one or the other."""
    if name in others:
        raise DuplicateError(f"{what} {name!r} has the name of {other}: choose another name")
