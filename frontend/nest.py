"""Nests (pytrees): lists, tuples, named tuples, dicts and dataclasses of leaves, whose form results keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache
from typing import Any

import optree
from optree import PyTreeSpec

from pullback.dialects.graph.value import Operators
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.handles import Operation

NAMESPACE = "pullback"
"""Under which dataclasses are known to optree."""
LEAVES = (Operators, Operation)
"""What stands for itself, whatever it is made of."""


@dataclasses.dataclass(frozen=True)
class Nest:
    """A nest taken apart.

    The leaves of a dict come in the order of its sorted keys, those of a dataclass in the order of its fields.
    A field with `metadata={"static": True}` is part of the form, not a leaf.

    Attributes:
        leaves: what it holds.
        form: what two nests have in common if they differ in their leaves alone; hashable.
    """

    leaves: list[Any]
    form: PyTreeSpec

    @classmethod
    def of(cls, value: object, *, none_is_leaf: bool = False) -> Nest:
        """Takes a nest apart; `None` holds nothing, unless it is to be a leaf."""
        while True:
            leaves, form = optree.tree_flatten(value, none_is_leaf=none_is_leaf, namespace=NAMESPACE)  # pyright: ignore[reportArgumentType]
            unknown = [kind for kind in set(map(type, leaves)) if _is_dataclass(kind)]
            if not unknown:
                return cls(leaves, form)
            for kind in unknown:
                _register(kind)

    def labels(self, root: str) -> list[str]:
        """The path to each leaf, such as `fetches[1]['loss']`."""
        return [accessor.codify(root) for accessor in self.form.accessors()]

    def rebuilt(self, leaves: Iterable[object]) -> Any:
        """A nest of the same form with other leaves."""
        return optree.tree_unflatten(self.form, leaves)


@cache
def _is_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and not issubclass(kind, LEAVES)


def _register(kind: type) -> None:
    """Makes optree look into a dataclass. Its copies are made without `__init__`, which may expect arrays."""
    fields = dataclasses.fields(kind)
    inner = [f.name for f in fields if not f.metadata.get("static")]
    static = [f.name for f in fields if f.metadata.get("static")]

    def flatten(value: Any) -> tuple[list[Any], tuple[Any, ...], list[str]]:
        kept = tuple(getattr(value, name) for name in static)
        for name, field in zip(static, kept, strict=True):
            try:
                hash(field)
            except TypeError:
                raise ArgumentTypeError(
                    f"static field '{name}' of {kind.__name__} must be hashable"
                ) from None
        return [getattr(value, name) for name in inner], kept, inner

    def unflatten(kept: tuple[Any, ...], items: Iterable[Any]) -> Any:
        made = object.__new__(kind)
        for name, item in (*zip(inner, items, strict=True), *zip(static, kept, strict=True)):
            object.__setattr__(made, name, item)
        return made

    optree.register_pytree_node(
        kind,
        flatten,  # pyright: ignore[reportArgumentType]
        unflatten,  # pyright: ignore[reportArgumentType]
        path_entry_type=optree.DataclassEntry,
        namespace=NAMESPACE,
    )
