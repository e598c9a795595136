"""What one plug-in registers is recorded while it does, so that it can be taken back: all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import local


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
