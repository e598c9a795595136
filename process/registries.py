"""`Registry`: definitions of one kind by name, for the process: operations, passes, pipelines, targets, kinds, rules.

Each fact about a definition is in the definition itself. A registry knows its name, who defined it, and where. One
that is asked for a name that it does not know, or for a list, first lets plug-ins be discovered (`discovery`).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import import_module
from threading import local
from types import FrameType
from typing import Any, Generic, TypeVar, overload

from pullback.process.locks import Lock

T = TypeVar("T")
D = TypeVar("D")

OURS = "pullback"
"""The owner of what comes with Pullback."""


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
                made = Definition(
                    value, recording.owner, before.place
                )  # a plug-in lists what is defined already
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
        with self._lock:
            if name not in self._definitions:
                raise ValueError(f"{self.what} {name!r} is not known{self.hint(name)}")
            if self._definitions[name].owner == OURS:
                raise ValueError(f"{self.what} {name!r} comes with Pullback and stays")
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


# ---- where ----------------------------------------------------------------------------------------------------


def place_of(value: object) -> str:
    """Where something is defined: `module:line` of a class or function, else of what registers it now.

    The line of a class is looked up only when the text is needed, which is rare: see `_Place`.
    """
    value = getattr(value, "holds", value)  # what a factory is of
    if inspect.isclass(value) or inspect.isfunction(value):
        return _Place(value)
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and _is_machinery(frame):
        frame = frame.f_back
    if frame is None:
        return "an entry point"
    return f"{frame.f_globals.get('__name__', frame.f_code.co_filename)}:{frame.f_lineno}"


def _is_machinery(frame: FrameType) -> bool:
    """Tells whether code only passes definitions on, as functions of ours do; our modules have their own."""
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package == OURS and frame.f_code.co_name != "<module>"


class _Place(str):
    """`module:line` of a class or function, found when it is printed: reading sources takes milliseconds."""

    __slots__ = ("_value",)

    def __new__(cls, value: Any) -> _Place:
        made = super().__new__(cls, f"{value.__module__}.{value.__qualname__}")
        made._value = value
        return made

    def __format__(self, spec: str) -> str:
        return str(self)

    def __str__(self) -> str:
        module = self._value.__module__
        try:
            _, line = inspect.getsourcelines(self._value)
        except (OSError, TypeError):
            return f"{module} ({self._value.__qualname__})"
        return f"{module}:{line}"


# ---- what a plug-in registers ---------------------------------------------------------------------------------


@dataclass
class Recording:
    """What one plug-in registers, so that it can be taken back."""

    owner: str
    brought: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The kind and the name of each definition, in order."""
    undo: list[Callable[[bool], None]] = field(default_factory=list[Callable[[bool], None]])
    """What takes each of them back; told whether what it took the place of is to return."""

    def note(self, kind: str, name: str, undo: Callable[[bool], None]) -> None:
        """Notes one registration."""
        self.brought.append((kind, name))
        self.undo.append(undo)

    def join(self, other: Recording) -> None:
        """Makes the two one: what both registered is of the same plug-in."""
        for mine, its in ((self.brought, other.brought), (self.undo, other.undo)):
            mine.extend(its)  # pyright: ignore[reportArgumentType]
        other.brought, other.undo = self.brought, self.undo

    def by_kind(self) -> dict[str, list[str]]:
        """The names that it registered, by what they are names of, each once."""
        found: dict[str, list[str]] = {}
        for kind, name in dict.fromkeys(self.brought):
            found.setdefault(kind, []).append(name)
        return found

    def take_back(self, *, restore: bool) -> None:
        """Undoes all, the latest first.

        Args:
            restore: whether all is to be as it was before; else the names have no definition.
        """
        while self.undo:
            self.undo.pop()(restore)
        self.brought.clear()


class _State(local):
    recording: Recording | None = None


_state = _State()


def current_recording() -> Recording | None:
    """The recording of the plug-in that this thread registers, if it does."""
    return _state.recording


@contextmanager
def recording(owner: str) -> Generator[Recording]:
    """What this thread registers inside belongs to a plug-in; if the block raises, all of it is taken back."""
    outer, made = _state.recording, Recording(owner)
    _state.recording = made
    try:
        yield made
    except BaseException:
        made.take_back(restore=True)
        raise
    finally:
        _state.recording = outer


# ---- discovery ------------------------------------------------------------------------------------------------

DISCOVERY = "pullback.driver.plugins.discovery", "discover"
"""The module and the function that let plug-ins register what they have. It knows every registry, and lies above."""


def discover() -> None:
    """Loads the plug-ins that are installed, unless that is done."""
    module, name = DISCOVERY
    getattr(import_module(module), name)()
