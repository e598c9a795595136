"""Makes functions check the name of their operation before all else: a refused one leaves the graph as it was."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import FunctionType
from typing import Any

from pullback.frontend.graph.graph import entered_graph
from pullback.frontend.graph.unique_names import UniqueNames, checked_name


def check_name(name: object) -> None:
    """`ValueError` for what is no name of an operation where they are made now; see `checked_name`."""
    graph = entered_graph()
    checked_name(name) if graph is None else graph.names.check(name)


def check_scope_name(name: object) -> None:
    """`ValueError` for what names no scope where operations are made now."""
    graph = entered_graph()
    (UniqueNames() if graph is None else graph.names).check_scope(name)


def check_names_first(public: Mapping[str, object]) -> dict[str, Callable[..., Any]]:
    """Wraps the functions that name an operation, so that they check their `name` first.

    They convert their operands before they know what to name, and what was converted would stay in the graph. Those
    whose `name` has another default than `None` name a scope, or check it themselves. The functions are replaced where
    they are defined, too, which is where they are found again when they are unpickled.
    """
    replaced: dict[str, Callable[..., Any]] = {}
    for public_name, function in public.items():
        if not inspect.isfunction(function) or not function.__module__.startswith(
            "pullback.frontend.functions."
        ):
            continue
        written = inspect.unwrap(function)
        if "name" in _optional(written):
            code = written.__code__
            placed = code.co_varnames[: code.co_argcount]
            position = placed.index("name") if "name" in placed else None
            replaced[public_name] = _checking(function, position)
            vars(sys.modules[function.__module__])[function.__name__] = replaced[public_name]
    return replaced


def _optional(function: FunctionType) -> set[str]:
    """The parameters whose default is `None`; `inspect.signature` takes longer for all than most imports."""
    code, defaults = function.__code__, function.__defaults__ or ()
    placed = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    given = {**dict(zip(placed, defaults, strict=True)), **(function.__kwdefaults__ or {})}
    return {name for name, default in given.items() if default is None}


def _checking(function: Callable[..., Any], position: int | None) -> Callable[..., Any]:
    """Wraps a function with a check of its argument `name`, which has this position, or can be given by name only."""

    @wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        name = options.get("name") if position is None or len(args) <= position else args[position]
        if name is not None:
            check_name(name)
        return function(*args, **options)

    return checked
