"""Finds the plug-ins that are installed, by the entry points of their distributions, and registers each.

    [project.entry-points."pullback.plugins"]
    cubes = "cubes.plugin:PLUGIN"          # a `Plugin`, or a function that returns one

    [project.entry-points."xdsl.universe"]
    cubes = "cubes.universe:UNIVERSE"      # xDSL's `Universe`: dialects, passes, and targets, which are forms of output

What one distribution has under one name in both groups is one plug-in. One that cannot be imported or registered is
reported, and what it had registered is taken back; the others are not touched.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from threading import local

from xdsl.universe import Universe

from pullback.driver.plugins.plugin import Plugin
from pullback.driver.plugins.registration import (
    Registered,
    add_all,
    add_dialect,
    add_format,
    add_pass,
    note,
    plugins,
)
from pullback.process.registries import OURS, recording

GROUPS = ("pullback.plugins", "xdsl.universe")
"""The groups of entry points, ours and xDSL's."""


class PluginWarning(UserWarning):
    """An installed plug-in could not be imported or registered; nothing of it is there."""


class _State(local):
    is_discovering = False


_state = _State()
_done: set[tuple[str, str]] = set()
"""The plug-ins that were registered, or failed, by distribution and name."""
_found: dict[tuple[str, str], list[EntryPoint]] | None = None
_is_complete = False


def discover(report: Callable[[Registered], None] | None = None) -> bool:
    """Registers each installed plug-in once; tells whether this call has registered any.

    Without one that was found before, entry points are read now, once in the life of the process. Imports run under no
    lock of ours: of two threads that discover at once each goes through all, and one of them registers each.

    Args:
        report: what is called with each plug-in that fails; a `PluginWarning` unless given.
    """
    global _is_complete
    if _is_complete or _state.is_discovering:
        return False
    _state.is_discovering = True
    before = len(plugins())
    failed: list[Registered] = []
    waiting = False
    try:
        for key, points in _installed().items():
            if key in _done:
                continue
            if any(_is_being_imported(point) for point in points):
                waiting = True  # its own module asks for a name while it is being imported
                continue
            made = _load(key, points)
            _done.add(key)
            if made.error is not None:
                failed.append(made)
        _is_complete = not waiting
    finally:
        _state.is_discovering = False
    for plugin in failed:
        (report or _warn)(plugin)
    return len(plugins()) > before


def _installed() -> dict[tuple[str, str], list[EntryPoint]]:
    """The entry points of each plug-in, by distribution and name, in the order of names."""
    global _found
    if _found is None:
        found: dict[tuple[str, str], list[EntryPoint]] = {}
        for group in GROUPS:
            for point in entry_points(group=group):
                distribution = point.dist.name if point.dist is not None else ""
                if distribution not in (OURS, "xdsl"):
                    found.setdefault((distribution, point.name), []).append(point)
        _found = dict(sorted(found.items(), key=lambda item: item[0][::-1]))
    return _found


def _is_being_imported(point: EntryPoint) -> bool:
    """Tells whether the module of an entry point, or a package around it, is being imported now."""
    parts = point.module.split(".")
    names = (".".join(parts[: n + 1]) for n in range(len(parts)))
    specs = (getattr(sys.modules.get(name), "__spec__", None) for name in names)
    return any(getattr(spec, "_initializing", False) for spec in specs)


def _load(key: tuple[str, str], points: list[EntryPoint]) -> Registered:
    """Imports and registers one plug-in: what it brought, or why it failed."""
    distribution, name = key
    version = points[0].dist.version if points[0].dist is not None else None
    value: object = None
    try:
        with recording(name) as made:
            for point in points:
                value = _register(point)
            found = Registered(name, value, made, distribution, version)
            note(found)
        return found
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        found = Registered(name, None, None, distribution, version, f"{said} ({_written(points)})")
        note(found)
        return found


def _written(points: list[EntryPoint]) -> str:
    return ", ".join(f"{point.group}: {point.name} = {point.value}" for point in points)


def _register(point: EntryPoint) -> object:
    """Imports what an entry point names and registers what it brings."""
    value = point.load()
    if isinstance(value, Universe):
        _register_universe(value)
        return value
    plugin = value() if callable(value) else value
    if not isinstance(plugin, Plugin):
        expected = (
            "a Universe" if point.group == "xdsl.universe" else "a Plugin or a function that returns one"
        )
        raise TypeError(f"expected {expected}, got {plugin!r}")
    if plugin.name != point.name:
        raise ValueError(f"the Plugin is called {plugin.name!r}: its entry point must have that name")
    add_all(plugin)
    return plugin


def _register_universe(universe: Universe) -> None:
    """Registers what xDSL has words for. Dialects are imported now, passes and forms of output when they are used."""
    for factory in universe.all_dialects.values():
        add_dialect(factory())
    for name, factory in universe.all_passes.items():
        add_pass(name, factory)
    for name, factory in universe.all_targets.items():
        add_format(name, factory)


def _warn(plugin: Registered) -> None:
    warnings.warn(told(plugin), PluginWarning, stacklevel=2)


def told(plugin: Registered) -> str:
    """What is said of a plug-in that failed."""
    return f"plug-in '{plugin.name}' of {plugin.distribution} {plugin.version} is not loaded: {plugin.error}"
