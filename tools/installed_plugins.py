"""Plug-ins in tools: they are loaded at the start, and `pullback-opt --list-plugins` lists them."""

from __future__ import annotations

import sys
from typing import Any

from pullback.driver.plugins.discovery import discover, told
from pullback.driver.plugins.registration import Registered, plugins


def load_plugins(tool: str) -> None:
    """Loads the plug-ins that are installed; says on standard error which of them fail, and why."""

    def report(plugin: Registered) -> None:
        print(f"{tool}: warning: {told(plugin)}", file=sys.stderr)

    discover(report)


def plugin_rows() -> list[dict[str, Any]]:
    """A row for each plug-in: what it brings, or why it failed."""
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "summary": getattr(plugin.value, "meaning", ""),
            "brings": {} if plugin.recording is None else plugin.recording.by_kind(),
            "error": plugin.error,
        }
        for plugin in plugins()
    ]


def plugin_line(row: dict[str, Any]) -> str:
    """A row as text: `cubes (cubes 1.0): operations my.cube, graph.cube; passes cube-to-multiply`."""
    source = f"{row['distribution']} {row['version']}" if row["distribution"] else "registered by the program"
    if row["error"] is not None:
        return f"{row['name']} ({source}): failed: {row['error']}"
    brought = "; ".join(f"{kind} {', '.join(names)}" for kind, names in row["brings"].items())
    return f"{row['name']} ({source}): {brought or 'nothing'}"
