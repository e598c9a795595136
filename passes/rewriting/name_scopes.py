"""The scopes that names in a function stand under, and new ones beside them."""

from __future__ import annotations

from xdsl.dialects import func

from pullback.dialects.graph.tensor.location import name_in


def used_scopes(function: func.FuncOp) -> set[str]:
    """Every scope that a name in the function stands under."""
    scopes: set[str] = set()
    for op in function.walk():
        name = name_in(op.location)
        while name and "/" in name:
            name = name.rpartition("/")[0]
            if name in scopes:
                break
            scopes.add(name)
    return scopes


def unique(name: str, used: set[str]) -> str:
    """The name, or if it is used the first of `name_1`, `name_2` … that is not; used from now on."""
    candidate, i = name, 0
    while candidate in used:
        i += 1
        candidate = f"{name}_{i}"
    used.add(candidate)
    return candidate
