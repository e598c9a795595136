"""Registers what plug-ins bring, all or nothing, and takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pullback.process.definition_places import place_of
from pullback.process.locks import Lock
from pullback.process.recordings import Recording, recording
from pullback.process.registries import REGISTRIES, DuplicateError, Registry, discover

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
    place: str = ""
    """Where the program registers it."""
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
                f"plug-in '{made.name}' is registered already, {_origin(before)}, and now again, {_origin(made)}; "
                f"to define it anew, say pb.unregister('{made.name}') first, or replace=True"
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
        return f"in {plugin.place}"
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
    # It knows every registry: whoever registers nothing imports none.
    from pullback.driver.plugins.definitions import add_all, adder
    from pullback.driver.plugins.plugin import Plugin

    if not isinstance(definition, Plugin):
        adder(definition)(replace)
        return definition
    before = _PLUGINS.get(definition.name)
    if before is not None and before.value == definition:
        return definition
    if before is not None and replace:
        _forget(before)
    with recording(definition.name) as made:
        add_all(definition, replace=replace)
        note(Registered(definition.name, definition, made, place=place_of(definition)))
    return definition


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
    from pullback.dialects.graph.kernel.schedule import KINDS
    from pullback.passes.lowering.kernel_kind import Kind
    from pullback.passes.lowering.kinds import TABLE

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
