"""Registers what plug-ins bring, all or nothing, and takes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from xdsl.ir import Dialect
from xdsl.passes import ModulePass
from xdsl.transforms import get_all_passes

from pullback.dialects.context import DIALECTS
from pullback.dialects.graph.kernel.schedule import KINDS
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.driver.plugins.late_imports import Late
from pullback.driver.plugins.plugin import Plugin
from pullback.driver.targets.registry import FORMATS, TARGETS, register_target
from pullback.driver.targets.target import Target
from pullback.passes.gradients import rule_registry
from pullback.passes.lowering.kinds import TABLE, Kind, add_kind
from pullback.passes.pipeline.catalog import PASSES, PassClass
from pullback.passes.pipeline.pipelines import PIPELINES, Pipeline, parse_passes
from pullback.process.locks import Lock
from pullback.process.registries import (
    REGISTRIES,
    DuplicateError,
    Recording,
    Registry,
    discover,
    recording,
)

DefinitionT = TypeVar("DefinitionT")


@dataclass(frozen=True)
class Registered:
    """A plug-in that is registered, or that failed to be."""

    name: str
    value: object = None
    """The `Plugin`, or what an entry point gave in its place."""
    recording: Recording | None = None
    """What it brought; `None` where it failed."""
    distribution: str | None = None
    """The package that its entry point belongs to; `None` for one that the program registers."""
    version: str | None = None
    error: str | None = None
    """Why it could not be registered."""


_PLUGINS: dict[str, Registered] = {}
_lock = Lock()


def plugins() -> list[Registered]:
    """The plug-ins that are registered now, and those that failed, in order."""
    return list(_PLUGINS.values())


def note(made: Registered) -> None:
    """Notes a plug-in that was registered, or failed.

    Raises:
        DuplicateError: another one of this name is registered.
    """
    with _lock:
        before = _PLUGINS.get(made.name)
        if before is None or before.error is not None:
            _PLUGINS[made.name] = made
        elif before.value is made.value and before.recording is not None and made.recording is not None:
            before.recording.join(made.recording)  # another thread registers it, too
            _PLUGINS[made.name] = made if before.distribution is None else before
        elif made.error is not None:
            _PLUGINS[f"{made.name} of {made.distribution}"] = made
        else:
            raise DuplicateError(
                f"plug-in '{made.name}' is registered already, {_origin(before)}, and now again, {_origin(made)}"
            )


def join(name: str, other: Recording) -> None:
    """Gives a registered plug-in what another thread registered for it meanwhile."""
    with _lock:
        mine = _PLUGINS[name].recording if name in _PLUGINS else None
        if mine is None:
            other.take_back(restore=True)  # it failed
        else:
            mine.join(other)


def _origin(plugin: Registered) -> str:
    if plugin.distribution is None:
        return "by the program"
    return f"by the distribution {plugin.distribution} {plugin.version}"


def register(definition: DefinitionT, *, replace: bool = False) -> DefinitionT:
    """Registers a plug-in for the process, or a single definition, and returns it; as a decorator for classes, too.

    Args:
        definition: a `Plugin`, of which all is registered or nothing; or the class of a graph operation or a pass, a
            dialect, a target, or a kind of kernels.
        replace: whether definitions of these names give way that did not come with Pullback. What was parsed or
            compiled before keeps its meaning.

    Raises:
        DuplicateError: a name has another definition; the message says where each of the two is. The same definition
            again is no error.
        ValueError: a definition is not valid, such as a pipeline that names an unknown pass.
        TypeError: it is no definition.
    """
    if not isinstance(definition, Plugin):
        _adder(definition)(replace)
        return definition
    before = _PLUGINS.get(definition.name)
    if before is not None and before.value is definition:
        return definition
    if before is not None and replace:
        _forget(before)
    with recording(definition.name) as made:
        add_all(definition, replace=replace)
        note(Registered(definition.name, definition, made))
    return definition


def add_all(plugin: Plugin, *, replace: bool = False) -> None:
    """Registers each definition of a plug-in; the surrounding `recording` notes them."""
    parts: Iterable[object] = (
        *plugin.dialects,
        *plugin.operations,
        *plugin.kinds,
        *plugin.passes,
    )
    for part in parts:
        _adder(part)(replace)
    for op, rule in plugin.rules.items():
        rule_registry.register(op if isinstance(op, str) else op.name, rule, replace=replace)
    for name, pipeline in plugin.pipelines.items():
        add_pipeline(name, pipeline, replace=replace)
    for target in plugin.targets:
        register_target(target, replace=replace)
    for name, factory in plugin.formats.items():
        add_format(name, factory, replace=replace)


def _adder(definition: object) -> Callable[[bool], None]:
    """What registers a definition, by its type."""
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
        return  # a universe and a `Plugin` may name the same class
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


# ---- taking back ------------------------------------------------------------------------------------------------


def unregister(definition: object) -> None:
    """Takes a registration back: of a plug-in and all that it brought, or of a single definition.

    Programs that were parsed, traced or compiled before keep their meaning.

    Args:
        definition: what was given to `register`, or a name: of a plug-in, else of all definitions that have it.

    Raises:
        ValueError: nothing of this name is registered, or it comes with Pullback.
    """
    discover()  # what is installed would be found later, and be there again
    plugin = _plugin(definition)
    if plugin is not None:
        _forget(plugin)
        return
    found = list(_found(definition))
    for registry, name in found:
        registry.remove(name)
    if found:
        return
    if isinstance(definition, str):
        for registry in REGISTRIES:
            if definition in registry.registered:
                registry.remove(definition)  # it comes with Pullback, and the error says so
        raise ValueError(f"nothing is registered as {definition!r}")
    raise ValueError(f"{definition!r} is not registered")


def _plugin(definition: object) -> Registered | None:
    """The registered plug-in that this is, or that has this name."""
    for plugin in _PLUGINS.values():
        if definition == plugin.name if isinstance(definition, str) else definition is plugin.value:
            return plugin
    return None


def _found(definition: object) -> Iterator[tuple[Registry[Any], str]]:
    """Where a single definition is registered, or all that have this name."""
    if isinstance(definition, Kind):  # its name is text's, too
        if TABLE.added.get(definition.name) is definition:
            yield from ((registry, definition.name) for registry in (TABLE, KINDS))
        return
    for registry in REGISTRIES:
        for name, value in registry.added.items():
            is_named = name == definition if isinstance(definition, str) else False
            if is_named or value is definition or getattr(value, "holds", None) is definition:
                yield registry, name


def _forget(plugin: Registered) -> None:
    if plugin.recording is not None:
        plugin.recording.take_back(restore=False)
    with _lock:
        for key in [key for key, p in _PLUGINS.items() if p is plugin]:
            del _PLUGINS[key]
