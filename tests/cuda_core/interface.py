"""Describes classes and functions by their names, parameters and defaults, whether they are of Python or of Cython.

Run as a script it prints, as JSON, what the wheel `cuda-core` has of what is asked for. Nothing here needs a driver.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from typing import Any

Interface = dict[str, Any]
DUNDERS = (
    "__sub__",
    "__int__",
    "__eq__",
    "__hash__",
    "__dlpack__",
    "__dlpack_device__",
    "__enter__",
    "__exit__",
    "__getitem__",
)


def interface(owner: Any, names: list[str]) -> Interface:
    """What each of these is: `a.b` is an attribute of an attribute, and the class of a value stands for it."""
    return {name: described(attribute(owner, name)) for name in names}


def attribute(owner: Any, name: str) -> Any:
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner


def described(thing: Any) -> Any:
    """The parameters of a function; for a class, those of its constructor and all of its public members."""
    if not inspect.isclass(thing):
        return parameters(thing)
    names = [name for name in dir(thing) if not name.startswith("_")]
    dunders = [name for name in DUNDERS if any(vars(base).get(name) for base in thing.__mro__[:-1])]
    return {"constructor": constructor(thing), "members": {n: member(thing, n) for n in names + dunders}}


def member(owner: type[Any], name: str) -> list[Any]:
    """The kind of a member and, for what is called, its parameters."""
    static = inspect.getattr_static(owner, name)
    for kind, word in ((staticmethod, "static method"), (classmethod, "class method")):
        if isinstance(static, kind):
            return [word, parameters(getattr(owner, name))]
    if name.startswith("__"):
        return ["method", None]  # those of Cython do not tell
    if callable(static) and not inspect.isclass(static):
        return ["method", parameters(static)]
    return ["property", None]


def constructor(kind: type[Any]) -> list[list[str]] | None:
    """The parameters of a constructor; of what Cython compiles they are in its fields, or in its first line.

    None where there are none: it takes nothing, or refuses whatever it is given.
    """
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        return [[name, "POSITIONAL_OR_KEYWORD", _default(field.default)] for name, field in fields.items()]
    line = (kind.__doc__ or "").lstrip().partition("\n")[0]
    found = re.fullmatch(rf"{kind.__name__}\((.*)\)(?: -> .*)?", line)
    if found is not None and "*args" in found[1]:
        return None
    if found is not None:
        return [_written(each) for each in re.split(r",\s*(?![^\[]*\])", found[1]) if each] or None
    found = parameters(kind)
    return None if not found or found[0][1] == "VAR_POSITIONAL" else found


def _written(parameter: str) -> list[str]:
    """A parameter as the first line of a documentation has it: `int size=0`, `size: int = 0`."""
    before, _, default = parameter.partition("=")
    name = before.partition(":")[0].split()[-1]
    return [name, "POSITIONAL_OR_KEYWORD", default.strip() or "required"]


def parameters(function: Any) -> list[list[str]] | None:
    """Name, kind and default of each; None where it does not tell."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [[each.name, each.kind.name, _default(each.default)] for each in found]


def _default(value: Any) -> str:
    return "required" if type(value).__name__ in ("type", "_MISSING_TYPE") else repr(value)


if __name__ == "__main__":
    module = importlib.import_module("cuda.core")
    for extra in ("graph", "system"):
        importlib.import_module(f"cuda.core.{extra}")
    print(json.dumps(interface(module, json.loads(sys.argv[1]))))
