"""Nests: lists, tuples and dicts of things, in which every function that returns results keeps its shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast


def leaves(nest: object, path: str) -> Iterator[tuple[str, object]]:
    """What a nest holds, each with the path to it, such as `fetches[1]['loss']`."""
    match nest:
        case list() | tuple():
            for i, item in enumerate(cast("Sequence[object]", nest)):
                yield from leaves(item, f"{path}[{i}]")
        case Mapping():
            for key, item in cast("Mapping[object, object]", nest).items():
                yield from leaves(item, f"{path}[{key!r}]")
        case _:
            yield path, nest


def rebuilt(nest: object, leaf: Callable[[], Any]) -> Any:
    """A nest of the same form, with `leaf()` for each of its leaves in order."""
    match nest:
        case list():
            return [rebuilt(item, leaf) for item in cast("list[object]", nest)]
        case tuple():
            items = [rebuilt(item, leaf) for item in cast("tuple[object, ...]", nest)]
            return type(nest)(*items) if hasattr(nest, "_fields") else tuple(items)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case Mapping():
            return {key: rebuilt(item, leaf) for key, item in cast("Mapping[object, object]", nest).items()}
        case _:
            return leaf()


def form(nest: object) -> str:
    """What two nests have in common if they differ in their leaves alone."""
    return repr(rebuilt(nest, lambda: None))
