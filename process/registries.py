"""`Registry`: definitions of one kind by name, for the process: operations, passes, pipelines, targets, kinds, rules.

Each fact about a definition is in the definition itself. A registry knows its name, who defined it, and where. One
that is asked for a name that it does not know, or for a list, first lets plug-ins be discovered (`discover`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Generic, TypeVar, overload

from pullback.process.close_matches import get_close_matches
from pullback.process.definition_places import OURS, place_of
from pullback.process.locks import Lock
from pullback.process.recordings import current_recording

T = TypeVar("T")
D = TypeVar("D")


class DuplicateError(ValueError):
    """A name that is to be registered has a definition already."""


@dataclass(frozen=True)
class Definition(Generic[T]):
    """A definition, with who made it and where."""

    value: T
    owner: str | None
    """`pullback`, the name of a plug-in, or `None` for what the program itself registers."""
    place: str
    """`module:line`, or the file and line of what registered it."""


class Registry(Mapping[str, T]):
    """The definitions of one kind by name. Lookups take no lock: each change makes a new table.

    Args:
        what: what one of them is called in messages, such as `"pass"`.
    """

    def __init__(self, what: str, plural: str | None = None) -> None:
        self.what = what
        self.plural = plural or f"{what}s"
        self._known: dict[str, T] = {}
        self._added: dict[str, T] = {}
        self._definitions: dict[str, Definition[T]] = {}
        self._lock = Lock()
        REGISTRIES.append(self)

    # ---- asking ---------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> T:
        try:
            return self._known[name]
        except KeyError:
            discover()
            return self._known[name]

    @overload
    def get(self, key: str, /) -> T | None: ...
    @overload
    def get(self, key: str, /, default: T | D) -> T | D: ...
    def get(self, key: str, /, default: Any = None) -> Any:
        """The definition of a name; after plug-ins are discovered, if it is unknown before."""
        if key not in self._known:
            discover()
        return self._known.get(key, default)

    def __contains__(self, name: object) -> bool:
        if name in self._known:
            return True
        discover()
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        discover()
        return iter(self._known)

    def __len__(self) -> int:
        discover()
        return len(self._known)

    @property
    def registered(self) -> Mapping[str, T]:
        """What is registered now, in order; nothing is discovered. A later change does not show in it."""
        return self._known

    @property
    def ours(self) -> Mapping[str, T]:
        """What comes with Pullback, in order."""
        return {name: d.value for name, d in self._definitions.items() if d.owner == OURS}

    def is_ours(self, name: str) -> bool:
        """Tells whether a name has a definition that comes with Pullback."""
        found = self._definitions.get(name)
        return found is not None and found.owner == OURS

    @property
    def added(self) -> Mapping[str, T]:
        """What is registered now and did not come with Pullback, in order."""
        return self._added

    def named(self, name: str) -> T:
        """The definition of a name.

        Raises:
            ValueError: there is none; the message has the name that comes nearest.
        """
        if name in self:
            return self._known[name]
        raise ValueError(f"{self.what} {name!r} is not known{self.hint(name)}")

    def hint(self, name: object) -> str:
        """What messages about an unknown name end with: `: expected one of …; did you mean 'cpu'?`."""
        near = get_close_matches(str(name), self, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return f": expected one of {', '.join(self)}{meant}"

    def definition(self, name: str) -> Definition[T]:
        """Who defined a registered name, and where; `KeyError` for an unknown one."""
        return self._definitions[name]

    # ---- changing -------------------------------------------------------------------------------------------

    def add(self, name: str, value: T, *, replace: bool = False) -> None:
        """Register a definition for the process; the same one again changes nothing.

        Args:
            replace: whether another definition of the name gives way. What holds that one keeps it: programs that
                were parsed or compiled before mean what they meant.

        Raises:
            DuplicateError: the name has another definition, and does not give way; that of Pullback never does.
        """
        recording = current_recording()
        with self._lock:
            before = self._definitions.get(name)
            if before is not None and (before.value is value or before.value == value):
                if recording is None or before.owner is not None:
                    return
                # A plug-in lists what its module has defined already.
                made = Definition(value, recording.owner, before.place)
            else:
                made = Definition(value, recording.owner if recording else None, place_of(value))
                if before is not None and (not replace or before.owner == OURS):
                    raise DuplicateError(self._duplicate(name, before, made))
            self._set(name, made)
        if recording is not None:
            recording.note(
                self.plural, name, lambda restore: self._take_back(name, made, before if restore else None)
            )

    def remove(self, name: str) -> None:
        """Take a registration back. Programs that were parsed or compiled with the definition keep it.

        Raises:
            ValueError: there is no such name, or it comes with Pullback.
        """
        if name not in self._known:  # the hint may import plug-ins, which no lock of ours may wait for
            raise ValueError(f"{self.what} {name!r} is not known{self.hint(name)}")
        with self._lock:
            if self.is_ours(name):
                raise ValueError(f"{self.what} {name!r} comes with Pullback and stays")
            if name in self._known:
                self._set(name, None)

    def seal(self, order: Callable[[T], Any] | None = None) -> None:
        """Marks what is registered so far as what comes with Pullback, sorted if an order is given."""
        with self._lock:
            items = list(self._definitions.items())
            if order is not None:
                items.sort(key=lambda item: order(item[1].value))
            self._show({name: d if d.owner is not None else _owned_by_us(d) for name, d in items})

    def _show(self, definitions: dict[str, Definition[T]]) -> None:
        """Replaces the tables by new ones."""
        added = {name: d.value for name, d in definitions.items() if d.owner != OURS}
        known = {name: d.value for name, d in definitions.items()}
        self._definitions, self._known, self._added = definitions, known, added

    def _set(self, name: str, made: Definition[T] | None) -> None:
        """Gives a name its definition, or none, in new tables: nobody iterates over what changes."""
        definitions, known, added = {**self._definitions}, {**self._known}, {**self._added}
        if made is None:
            del definitions[name], known[name]
            added.pop(name, None)
        else:
            definitions[name] = made
            known[name] = made.value
            added[name] = made.value
        self._definitions, self._known, self._added = definitions, known, added

    def _take_back(self, name: str, made: Definition[T], before: Definition[T] | None) -> None:
        """Undoes one registration, unless the name was given another definition since."""
        with self._lock:
            if self._definitions.get(name) is made:
                self._set(name, before)

    def _duplicate(self, name: str, before: Definition[T], made: Definition[T]) -> str:
        remedy = (
            "it comes with Pullback: choose another name"
            if before.owner == OURS
            else f"to define it anew, say pb.unregister({name!r}) first, or replace=True"
        )
        return f"{self.what} {name!r} is registered already, {_told(before)}, and now again, {_told(made)}; {remedy}"


REGISTRIES: list[Registry[Any]] = []
"""Every registry, in the order in which they are made."""


def _owned_by_us(definition: Definition[T]) -> Definition[T]:
    return replace(definition, owner=OURS)


def _told(definition: Definition[Any]) -> str:
    by = "" if definition.owner is None else f" by {_owner_told(definition.owner)}"
    return f"in {definition.place}{by}"


def _owner_told(owner: str) -> str:
    return "Pullback" if owner == OURS else f"plug-in '{owner}'"


# ---- discovery ------------------------------------------------------------------------------------------------

DISCOVERY = "pullback.driver.plugins.discovery", "discover"
"""The module and the function that let plug-ins register what they have. It knows every registry, and lies above."""


def discover() -> None:
    """Loads the plug-ins that are installed, unless that is done."""
    module, name = DISCOVERY
    getattr(import_module(module), name)()
