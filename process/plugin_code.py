"""Which plug-in code belongs to: that of a class, or what ran when an exception was raised."""

from __future__ import annotations

from collections.abc import Iterator

from pullback.process.definition_places import OURS
from pullback.process.registries import REGISTRIES


def plugin_of(module: str) -> str | None:
    """The plug-in that has a definition in a module of Python, or else in its package; None for other code."""
    package = module.partition(".")[0]
    near: str | None = None
    for plugin, its in _modules_of_plugins():
        if its == module:
            return plugin
        if near is None and package not in (OURS, "xdsl") and its.partition(".")[0] == package:
            near = plugin
    return near


def plugin_that_raised(error: BaseException) -> str | None:
    """The plug-in whose code raised an exception, or called what did; None where no code of one ran."""
    from traceback import walk_tb

    names = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    return next((found for name in reversed(names) if (found := plugin_of(name)) is not None), None)


def _modules_of_plugins() -> Iterator[tuple[str, str]]:
    """Each plug-in with the modules of what it brought: of classes and functions, and of those that data holds."""
    for registry in REGISTRIES:
        for name, value in registry.added.items():
            owner = registry.definition(name).owner
            if owner is None:
                continue
            held = getattr(value, "holds", value)
            for part in (held, *getattr(held, "__dict__", {}).values()):
                module = getattr(part, "__module__", None)
                if isinstance(module, str) and module.partition(".")[0] != OURS:
                    yield owner, module
