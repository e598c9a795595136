"""A page about a plug-in: what it brings, from the definitions, as our own pages are made from ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pullback.dialects.graph.kernel.schedule import KINDS
from pullback.dialects.graph.op.graph_op import OPS
from pullback.driver.plugins.registration import Registered, plugins
from pullback.driver.targets.registry import TARGETS
from pullback.tools.generate.operations import operation
from pullback.tools.listing import LISTINGS

HEADER = """# {name}

{meaning}Pullback knows what is on this page as plug-in `{name}`{source}. The page is made from the definitions by
`python -m pullback.tools.generate --plugin {name}`.
"""


class NoSuchPluginError(Exception):
    """There is no plug-in of this name, or it could not be loaded; the message says so."""


def page(name: str) -> str:
    """The page of a plug-in, in Markdown.

    Raises:
        NoSuchPluginError: there is none of this name, or it is not loaded.
    """
    plugin = _named(name)
    assert plugin.recording is not None
    brought = plugin.recording.by_kind()
    meaning = getattr(plugin.value, "meaning", "")
    source = f", from {plugin.distribution} {plugin.version}" if plugin.distribution else ""
    header = HEADER.format(name=name, meaning=f"{meaning}\n\n" if meaning else "", source=source)
    parts = (SECTIONS.get(kind, _names)(names) for kind, names in brought.items())
    titles = (kind.capitalize() for kind in brought)
    return "\n".join([header, *(f"## {title}\n\n{part}" for title, part in zip(titles, parts, strict=True))])


def _named(name: str) -> Registered:
    found = {plugin.name: plugin for plugin in plugins()}
    if name not in found:
        raise NoSuchPluginError(
            f"no plug-in '{name}' is installed: expected one of {', '.join(found) or 'none'}"
        )
    if found[name].error is not None:
        raise NoSuchPluginError(f"plug-in '{name}' is not loaded: {found[name].error}")
    return found[name]


def _operations(names: Sequence[str]) -> str:
    return "\n".join(operation(OPS[name]) for name in names)


def _rows(listing: str) -> Callable[[Sequence[str]], str]:
    """A section of the rows of one of the lists of `pullback-opt`."""

    def section(names: Sequence[str]) -> str:
        return _table(listing, names)

    return section


def _table(listing: str, names: Sequence[str]) -> str:
    shown = LISTINGS[listing]
    return "".join(f"- `{_head(row)}`: {_text(row)}\n" for row in shown.rows() if row["name"] in names)


def _head(row: dict[str, Any]) -> str:
    options = " ".join(f"{option['name']}=<{option['type']}>" for option in row.get("options", ()))
    return f"{row['name']}{{{options}}}" if options else row["name"]


def _text(row: dict[str, Any]) -> str:
    parts = [row.get("summary", ""), row.get("gradient", ""), *_option_meanings(row)]
    if row.get("passes"):
        parts.append(f"`{','.join(row['passes'])}`")
    return "; ".join(part for part in parts if part)


def _option_meanings(row: dict[str, Any]) -> Iterator[str]:
    for option in row.get("options", ()):
        if option["meaning"]:
            yield f"`{option['name']}`: {option['meaning']}"


def _kinds(names: Sequence[str]) -> str:
    return "".join(f"- `{name}`: {KINDS[name]}\n" for name in names)


def _targets(names: Sequence[str]) -> str:
    return "".join(f"- `{name}`: {TARGETS[name].meaning}\n" for name in names)


def _names(names: Sequence[str]) -> str:
    return "".join(f"- `{name}`\n" for name in names)


SECTIONS: dict[str, Callable[[Sequence[str]], str]] = {
    "operations": _operations,
    "passes": _rows("passes"),
    "pipelines": _rows("pipelines"),
    "gradient rules": _rows("gradients"),
    "forms of output": _rows("targets"),
    "kinds": _kinds,
    "targets": _targets,
}
"""How what a plug-in brings is described, by the registry that it is in."""
