"""Origins of code that serves several operations: their names and roles in one location, the first ones, then how many.

    loc(fused["layer1/matmul", "layer1/t", "gradients/layer2/t_grad/", "gradient of layer2/t", "and 5 more"])

A role follows the name that it belongs to. What is said once is not said again, as `mlir-opt` does it, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    ArrayAttr,
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    LocationAttr,
    NameLoc,
    StringAttr,
)
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.location import Role, fused, is_unknown, name_in, named, named_at, role_in

MOST = 8
"""The most operations that a location names."""
_MORE = re.compile(r"and (\d+) more")


def fuse(locations: Iterable[LocationAttr], most: int = MOST) -> LocationAttr:
    """Fuses the locations of operations into that of the code that serves them; the first if none has a name.

    Args:
        locations: of the operations; one may be fused already.
        most: the most names to keep. Of the others only the number is.
    """
    names: dict[str, LocationAttr] = {}
    roles: dict[str, dict[LocationAttr, None]] = {}
    more = 0
    fallback: LocationAttr = UNKNOWN_LOC
    for location in locations:
        name = ""
        fallback = location if is_unknown(fallback) else fallback
        for part in _parts(location):
            text = part.desc.data
            if (found := _MORE.fullmatch(text)) is not None:
                more += int(found[1])
            elif Role.read(text) is None:
                name = text
                names.setdefault(name, part)
            elif name:
                roles.setdefault(name, {})[part] = None
    kept = list(names)[:most]
    more += len(names) - len(kept)
    parts = dict.fromkeys(part for name in kept for part in (names[name], *roles.get(name, ())))
    if more:
        parts[named(f"and {more} more")] = None
    if not parts:
        return fallback
    return next(iter(parts)) if len(parts) == 1 else fused(tuple(parts))


def placed(location: LocationAttr, file: str, line: int, column: int) -> LocationAttr:
    """The location with this position: its first name has it, or it is the position if there is no name."""
    position = FileLineColLoc(StringAttr(file), IntAttr(line), IntAttr(column))
    names = list(_parts(location))
    if not names:
        return position
    first = NameLoc(names[0].desc, position)
    return first if len(names) == 1 else fused((first, *names[1:]))


def spelled(location: LocationAttr) -> str:
    """Spells a location for comments: `layer1/t, gradients/layer2/t_grad/ (gradient of layer2/t), and 5 more`."""
    words: list[str] = []
    for part in _parts(location):
        text = part.desc.data
        if words and Role.read(text) is not None:
            words[-1] = f"{words[-1][:-1]}, {text})" if words[-1].endswith(")") else f"{words[-1]} ({text})"
        else:
            words.append(text)
    # One line without an escaped end, whatever a name holds.
    return " ".join("".join(c if c.isprintable() else " " for c in ", ".join(words)).split()).rstrip("\\")


def _parts(location: Attribute) -> Iterator[NameLoc]:
    """The names and roles of a location, in order."""
    match location:
        case NameLoc():
            yield location
        case FusedLoc(locations=ArrayAttr(data=parts)):
            for part in parts:
                yield from _parts(part)
        case CallSiteLoc():
            if (name := name_in(location)) is not None:
                yield named_at(name, location)
            if (role := role_in(location)) is not None:
                yield named(str(role))
        case _:
            return
