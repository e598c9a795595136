"""Facts that a check leaves to the pass right after it, which need not find them again.

`run_passes` hands them over, where nothing has changed the module in between: they are gone when the next pass ends.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


class Handover:
    """What the last pass has left, and what the one that runs now leaves, by class."""

    def __init__(self) -> None:
        self._left: dict[type, object] = {}
        self._found: dict[type, object] = {}

    def next(self, *, is_unchanged: bool) -> None:
        """Called before each pass; `is_unchanged` tells that nobody but the last pass had the module."""
        self._left, self._found = (self._found if is_unchanged else {}), {}

    def leave(self, fact: object) -> None:
        self._found[type(fact)] = fact

    def left(self, kind: type[T]) -> T | None:
        fact = self._left.get(kind)
        return fact if isinstance(fact, kind) else None


_CURRENT: ContextVar[Handover | None] = ContextVar("handover", default=None)


@contextmanager
def handing_over() -> Generator[Handover]:
    """What passes that run meanwhile in this thread leave to each other."""
    token = _CURRENT.set(handover := Handover())
    try:
        yield handover
    finally:
        _CURRENT.reset(token)


def leave_to_next_pass(fact: object) -> None:
    """Leaves a fact about the module, which the pass that runs now does not change."""
    if (handover := _CURRENT.get()) is not None:
        handover.leave(fact)


def left_by_last_pass(kind: type[T]) -> T | None:
    """The fact of a class that the pass right before this one has left, if it has."""
    handover = _CURRENT.get()
    return None if handover is None else handover.left(kind)
