"""The context in which Pullback's text is read: the graph dialect, the upstream ones below it, and those of plug-ins.

A context asks the registries each time, so that it knows what is registered after it was made, and no more what was
taken back. Operations hold their class: what was parsed before keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from xdsl.context import Context
from xdsl.ir import Attribute, Dialect, Operation, TypeAttribute

from pullback.dialects.graph import ATTRIBUTES, OPS, graph_dialect
from pullback.dialects.upstream import UPSTREAM, upstream_dialect
from pullback.process.registries import Registry, discover

DIALECTS: Registry[Callable[[], Dialect]] = Registry("dialect")
"""Every dialect by name, as a function that gives it; graph operations of any dialect are in `OPS`."""

DIALECTS.add("graph", graph_dialect)
for _name in UPSTREAM:
    DIALECTS.add(_name, partial(upstream_dialect, _name))
DIALECTS.seal()


class OpenContext(Context):
    """A context that knows every registered dialect and graph operation, at the time when it is asked."""

    def clone(self) -> OpenContext:
        copy = OpenContext()
        vars(copy).update(vars(super().clone()))
        return copy

    @property
    def loaded_ops(self) -> Iterable[type[Operation]]:
        for name in self._registered_dialects:
            self._load(name)
        return {**self._loaded_ops, **OPS.registered, **_others().operations}.values()

    def get_optional_dialect(self, name: str) -> Dialect | None:
        factory = DIALECTS.get(name)
        return super().get_optional_dialect(name) if factory is None else factory()

    def get_optional_type(self, name: str) -> type[TypeAttribute] | None:
        self._load(name)
        found = _others().types.get(name) or self._loaded_types.get(name)
        if found is None:
            discover()
            found = _others().types.get(name)
        return found or super().get_optional_type(name)

    def get_optional_attr(self, name: str) -> type[Attribute] | None:
        self._load(name)
        found = _others().attributes.get(name) or self._loaded_attrs.get(name)
        if found is None:
            discover()
            found = _others().attributes.get(name)
        return found or super().get_optional_attr(name)

    def _load(self, name: str) -> None:
        """Loads the upstream dialect that an operation, a type or an attribute of this name is of, if there is one."""
        dialect = name.partition(".")[0]
        if dialect in self._registered_dialects and dialect not in self._loaded_dialects:
            self.load_registered_dialect(dialect)

    def _get_known_op(self, name: str) -> type[Operation] | None:
        self._load(name)
        found = _registered(name) or super()._get_known_op(name)
        if found is None and "." in name:
            discover()
            found = _registered(name)
        return found


def context() -> Context:
    """A new context, with every dialect that is registered now or later."""
    result = OpenContext()
    for name in UPSTREAM:
        result.register_dialect(name, partial(upstream_dialect, name))  # loaded when first met
    for attribute in ATTRIBUTES:
        result.load_attr_or_type(attribute)
    return result


@dataclass(frozen=True)
class _Tables:
    """What dialects define, by name."""

    operations: Mapping[str, type[Operation]]
    types: Mapping[str, type[TypeAttribute]]
    attributes: Mapping[str, type[Attribute]]


def _registered(name: str) -> type[Operation] | None:
    return OPS.registered.get(name) or _others().operations.get(name)


def _others() -> _Tables:
    """What the dialects define that did not come with Pullback."""
    return _tables(tuple(DIALECTS.added.values()))


@lru_cache(maxsize=8)
def _tables(factories: tuple[Callable[[], Dialect], ...]) -> _Tables:
    dialects = [factory() for factory in factories]
    attributes = [attribute for dialect in dialects for attribute in dialect.attributes]
    return _Tables(
        {op.name: op for dialect in dialects for op in dialect.operations},
        {a.name: a for a in attributes if issubclass(a, TypeAttribute)},
        {a.name: a for a in attributes if not issubclass(a, TypeAttribute)},
    )
