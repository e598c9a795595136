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

from pullback.driver.plugins.definitions import add_all
from pullback.driver.plugins.late_imports import late_format, late_pass, said
from pullback.driver.plugins.plugin import Plugin
from pullback.driver.plugins.registration import Registered, join, note
from pullback.process.definition_places import OURS
from pullback.process.locks import Lock
from pullback.process.recordings import recording

GROUPS = ("xdsl.universe", "pullback.plugins")
"""The groups of entry points, xDSL's first: pipelines of a `Plugin` may be of passes that its universe names."""


class PluginWarning(UserWarning):
    """An installed plug-in could not be imported or registered; nothing of it is there."""


class _State(local):
    is_discovering = False


_state = _State()
_lock = Lock()
_done: set[tuple[str, str]] = set()
"""The plug-ins that were registered, or failed, by distribution and name."""
_found: dict[tuple[str, str], list[EntryPoint]] | None = None
_is_complete = False


def discover(report: Callable[[Registered], None] | None = None) -> None:
    """Registers each installed plug-in, once; afterwards all of them are registered, whichever thread did it.

    Entry points are read at the first call in the life of the process. Imports, and functions of plug-ins, run under
    no lock of ours: of two threads that discover at once each imports all, and the first one registers.

    Args:
        report: what is called with each plug-in that fails; a `PluginWarning` unless given.
    """
    global _is_complete
    if _is_complete or _state.is_discovering:
        return
    _state.is_discovering = True
    failed: list[Registered] = []
    waiting = False
    try:
        for key, points in _installed().items():
            if key in _done:
                continue
            if any(_is_being_imported(point) for point in points):
                waiting = True  # its own module asks for a name while it is being imported
            elif (failure := _load(key, points)) is not None:
                failed.append(failure)
        _is_complete = not waiting
    finally:
        _state.is_discovering = False
    for plugin in failed:
        (report or _warn)(plugin)


def _installed() -> dict[tuple[str, str], list[EntryPoint]]:
    """The entry points of each plug-in, by distribution and name, in the order of names."""
    global _found
    if _found is None:
        found: dict[tuple[str, str], list[EntryPoint]] = {}
        for group in GROUPS:
            for point in entry_points(group=group):
                distribution = (point.dist and point.dist.name) or ""
                if distribution not in (OURS, "xdsl"):
                    found.setdefault((distribution, point.name), []).append(point)
        _found = dict(sorted(found.items(), key=lambda item: item[0][::-1]))
    return _found


def _is_being_imported(point: EntryPoint) -> bool:
    """Tells whether this thread imports the module of an entry point now, or a package around it."""
    frame = sys._getframe()  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            name = frame.f_globals.get("__name__", "")
            if point.module == name or point.module.startswith(f"{name}."):
                return True
        frame = frame.f_back
    return False


def _load(key: tuple[str, str], points: list[EntryPoint]) -> Registered | None:
    """Imports a plug-in and registers it, unless another thread has meanwhile; gives one that fails."""
    distribution, name = key
    version = points[0].dist.version if points[0].dist is not None else None
    try:
        with recording(name) as made:
            parts = [_imported(point) for point in points]
            with _lock:
                if key in _done:
                    join(name, made)
                    return None
                for part in parts:
                    add_all(part)
                plugin = next(
                    (p for p, point in zip(parts, points, strict=True) if point.group == GROUPS[1]), parts[0]
                )
                note(Registered(name, plugin, made, distribution, version))
                _done.add(key)
        return None
    except (Exception, SystemExit) as error:
        written = ", ".join(f"{point.group}: {point.name} = {point.value}" for point in points)
        failure = Registered(name, None, None, distribution, version, error=f"{said(error)} ({written})")
        with _lock:
            if key in _done:
                return None
            _done.add(key)
            note(failure)
        return failure


def _imported(point: EntryPoint) -> Plugin:
    """Imports what an entry point names, and what it brings."""
    value = point.load()
    if isinstance(value, Universe):
        return _of_universe(point.name, value)
    plugin = value() if callable(value) else value
    if not isinstance(plugin, Plugin):
        expected = (
            "a Universe" if point.group == "xdsl.universe" else "a Plugin or a function that returns one"
        )
        raise TypeError(f"expected {expected}, got {plugin!r}")
    if plugin.name != point.name:
        raise ValueError(f"the Plugin is called {plugin.name!r}: its entry point must have that name")
    return plugin


def _of_universe(name: str, universe: Universe) -> Plugin:
    """What xDSL has words for. Dialects are imported now, passes and forms of output when they are used."""
    return Plugin(
        name,
        dialects=tuple(factory() for factory in universe.all_dialects.values()),
        passes=tuple(late_pass(name, n, factory) for n, factory in universe.all_passes.items()),
        formats={n: late_format(name, n, factory) for n, factory in universe.all_targets.items()},
    )


def _warn(plugin: Registered) -> None:
    warnings.warn(told(plugin), PluginWarning, stacklevel=2)


def told(plugin: Registered) -> str:
    """What is said of a plug-in that failed."""
    return f"plug-in '{plugin.name}' of {plugin.distribution} {plugin.version} is not loaded: {plugin.error}"
