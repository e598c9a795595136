"""Nests (pytrees): lists, tuples, named tuples, dicts and dataclasses of leaves, whose form results keep."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from pullback.dialects.graph.tensor.tensor import Operators
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.handles.operation import Operation
from pullback.frontend.nests.exact_keys import exact_key

if TYPE_CHECKING:
    from optree import PyTreeSpec

# The functions that need `optree` import it: many programs build one graph, and flatten nothing.

NAMESPACE = "pullback"
"""The namespace in which dataclasses are registered with optree."""
LEAVES = (Operators, Operation)
"""Classes that are leaves, although some are dataclasses."""
_DICTS = (dict, OrderedDict, defaultdict)


@dataclasses.dataclass(frozen=True)
class Nest:
    """A nest (pytree), flattened.

    The leaves of a dict come in the order of its sorted keys, those of a dataclass in the order of its fields.
    A field with `metadata={"static": True}` is part of the form, not a leaf.

    Attributes:
        leaves: what it holds.
        form: what two nests have in common if they differ in their leaves alone. Keys of dicts that are equal are one.
    """

    leaves: list[Any]
    form: PyTreeSpec

    @classmethod
    def of(
        cls, value: object, *, none_is_leaf: bool = False, is_leaf: Callable[[object], bool] | None = None
    ) -> Nest:
        """Flattens a nest; `None` holds nothing, unless it is to be a leaf; so is whatever `is_leaf` says."""
        import optree

        while True:
            leaves, form = optree.tree_flatten(value, is_leaf, none_is_leaf=none_is_leaf, namespace=NAMESPACE)  # pyright: ignore[reportArgumentType]
            unknown = [kind for kind in set(map(type, leaves)) if _is_dataclass(kind)]
            if not unknown:
                return cls(leaves, form)
            for kind in unknown:
                _register(kind)

    def __reduce__(self) -> Any:
        return _nest_of, (self.rebuilt(self.leaves), self.form.none_is_leaf)

    def key(self) -> Hashable:
        """Equal for nests that a function cannot tell apart: unlike in `form`, the types of keys of dicts count."""

        def node(kind: type, data: Any, inner: tuple[Hashable, ...]) -> Hashable:
            if kind not in _DICTS:
                return kind, data, inner
            factory, keys = data if kind is defaultdict else (None, data)
            return kind, factory, _exact_keys(keys), inner

        return self.form.walk(self.leaves, node, _leaf)

    def sorted(self) -> Nest:
        """The same nest, but for the order in which dicts give their items: that of their leaves.

        So what a function makes of them does not depend on which call it was traced for.
        """
        return Nest(self.leaves, self.form.transform(_in_order))

    def labels(self, root: str) -> list[str]:
        """The path to each leaf, such as `fetches[1]['loss']`."""
        return [accessor.codify(root) for accessor in self.form.accessors()]

    def leaves_alike(self, value: object) -> list[Any] | None:
        """The leaves of another nest of this form; `None` if it has another form.

        A tuple may be given for a list.
        """
        try:
            return self.form.flatten_up_to(_lists_for_tuples(self.rebuilt(self.leaves), value))  # pyright: ignore[reportArgumentType]
        except ValueError:
            return None

    def rebuilt(self, leaves: Iterable[object]) -> Any:
        """A nest of the same form with other leaves."""
        import optree

        return optree.tree_unflatten(self.form, leaves)


def _nest_of(value: object, none_is_leaf: bool) -> Nest:
    return Nest.of(value, none_is_leaf=none_is_leaf)


def _exact_keys(keys: list[Any]) -> Hashable:
    """A key of the keys of dicts: most are strings."""
    return tuple(keys) if set(map(type, keys)) <= {str} else tuple(map(exact_key, keys))


def _leaf(leaf: object) -> None:
    """All leaves are alike."""


def _in_order(node: PyTreeSpec) -> PyTreeSpec:
    """A dict, without what it holds, whose keys are in the order of its leaves."""
    if node.type not in (dict, defaultdict):
        return node
    import optree

    keys, made = dict.fromkeys(node.entries(), 0), node.unflatten([0] * node.num_children)
    made = defaultdict(made.default_factory, keys) if isinstance(made, defaultdict) else keys
    return optree.tree_structure(made, none_is_leaf=node.none_is_leaf, namespace=node.namespace)  # pyright: ignore[reportArgumentType]


class _Static:
    """The static fields of a dataclass: the same only where types and signs are, too."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values = values
        self.key = exact_key(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return repr(self.values)


def _lists_for_tuples(like: Any, value: Any) -> Any:
    """`value`, with lists for its tuples where `like` has lists of as many items."""
    if isinstance(like, list | tuple) and isinstance(value, list | tuple) and len(like) == len(value):  # pyright: ignore[reportUnknownArgumentType]
        items = [_lists_for_tuples(a, b) for a, b in zip(like, value, strict=True)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if isinstance(like, list) or type(value) is list:
            return items
        return type(value)._make(items) if hasattr(value, "_make") else tuple(items)  # pyright: ignore
    if isinstance(like, dict) and isinstance(value, dict) and like.keys() == value.keys():
        changed = copy(value)  # of its kind, such as a defaultdict
        changed.update((k, _lists_for_tuples(like[k], v)) for k, v in value.items())
        return changed
    return value


@cache
def _is_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and not issubclass(kind, LEAVES)


def _register(kind: type) -> None:
    """Registers a dataclass with optree. Its copies are made without `__init__`, which may expect arrays."""
    import optree

    fields = dataclasses.fields(kind)
    inner = [f.name for f in fields if not f.metadata.get("static")]
    static = [f.name for f in fields if f.metadata.get("static")]

    def flatten(value: Any) -> tuple[list[Any], _Static, list[str]]:
        for name in static:
            try:
                hash(getattr(value, name))
            except TypeError:
                raise ArgumentTypeError(
                    f"static field '{name}' of {kind.__name__} must be hashable"
                ) from None
        kept = _Static(tuple(getattr(value, name) for name in static))
        return [getattr(value, name) for name in inner], kept, inner

    def unflatten(kept: _Static, items: Iterable[Any]) -> Any:
        made = object.__new__(kind)
        for name, item in (*zip(inner, items, strict=True), *zip(static, kept.values, strict=True)):
            object.__setattr__(made, name, item)
        return made

    optree.register_pytree_node(
        kind,
        flatten,  # pyright: ignore[reportArgumentType]
        unflatten,  # pyright: ignore[reportArgumentType]
        path_entry_type=optree.DataclassEntry,
        namespace=NAMESPACE,
    )
