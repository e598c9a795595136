"""`pullback_universe/names.py`: the names by which stock `xdsl-opt` finds what the plug-in offers."""

from __future__ import annotations

from collections.abc import Iterable

from pullback.tools.xdsl_plugin import UNIVERSE

HEADER = '''"""The names of the plug-in of stock `xdsl-opt`. Made by `python -m pullback.tools.generate`."""

'''


def names() -> str:
    """The module: names of dialects, passes and targets, in the order in which they are listed."""
    return (
        HEADER
        + _list("DIALECTS", UNIVERSE.all_dialects)
        + _list("PASSES", UNIVERSE.all_passes)
        + _list("TARGETS", UNIVERSE.all_targets)
    )


def _list(variable: str, members: Iterable[str]) -> str:
    return f"{variable} = [\n" + "".join(f'    "{name}",\n' for name in members) + "]\n"
