"""Name scopes (prefixes of operations' names) that a function uses, and new ones that it does not."""

from __future__ import annotations

from xdsl.dialects import func

from pullback.dialects.graph.tensor.location import name_in
from pullback.dialects.ir.operations_within import operations_within


def used_scopes(function: func.FuncOp) -> set[str]:
    """Every prefix of a name in the function."""
    scopes: set[str] = set()
    for op in operations_within(function):
        name = name_in(op.location)
        while name and "/" in name:
            name = name.rpartition("/")[0]
            if name in scopes:
                break
            scopes.add(name)
    return scopes


def unique(name: str, used: set[str]) -> str:
    """Makes a name unique: the name, or the first of `name_1`, `name_2` … that is not used; adds it to `used`."""
    candidate, i = name, 0
    while candidate in used:
        i += 1
        candidate = f"{name}_{i}"
    used.add(candidate)
    return candidate
