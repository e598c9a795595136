"""Defers Ctrl-C (SIGINT) while a step changes variables, until the step may stop.

Python handles signals in the main thread alone, between any two of its instructions. A step that another thread runs is
interrupted by nothing; one that changes no variable needs nothing of this.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
Handler = Callable[[int, FrameType | None], Any]


class PutOff:
    """A handler of SIGINT that records the signal for the handler that it replaces."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.arrived: list[FrameType | None] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.arrived.append(frame)

    def deliver(self) -> None:
        """Calls the handler if there was a signal; what it raises is what Ctrl-C raises."""
        if self.arrived:
            frame = self.arrived.pop()
            self.arrived.clear()
            self.handler(signal.SIGINT, frame)


# `signal` itself spends ten times as long on turning numbers into enums.
_in_c: Any = sys.modules.get("_signal", signal)
_get_handler: Callable[[int], Any] = _in_c.getsignal
_set_handler: Callable[[int, Any], Any] = _in_c.signal
_SIGINT = int(signal.SIGINT)

_current: list[PutOff] = []
"""The handler of the action that the main thread runs, if it has one."""


def putting_off(action: Callable[..., T], *arguments: Any) -> T:
    """Runs an action that Ctrl-C interrupts only where it calls `poll`, or at its end; returns its result."""
    if not _in_main_thread() or _current:
        return action(*arguments)
    handler = _get_handler(_SIGINT)
    if not callable(handler):  # ignored, or none of Python's
        return action(*arguments)
    put_off = PutOff(handler)
    try:
        _current.append(put_off)
        _set_handler(_SIGINT, put_off)
        return action(*arguments)
    finally:
        _current.clear()
        _set_handler(_SIGINT, handler)
        put_off.deliver()


def poll() -> None:
    """Delivers a deferred signal now. Others have been handled by the time this returns."""
    if _current and _in_main_thread():
        _current[-1].deliver()


def _in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


class Progress:
    """The progress of a run: which variables it has changed so far, and whether it may stop.

    It may until it changes the first one, and then no more; but a loop that changes some may stop between its trips.
    """

    def __init__(self) -> None:
        self.changed: dict[str, None] = {}
        self._changes = 0
        self._may_stop = True

    def poll(self) -> None:
        """Ends the run here if there was a signal and it may stop."""
        if self._may_stop:
            poll()

    def changes(self, variable: str) -> None:
        """Notes that a variable is about to be changed."""
        self.changed[variable] = None
        self._changes += 1
        self._may_stop = False

    def begin_loop(self) -> int:
        """Notes the beginning of a loop, for the other two."""
        return self._changes

    def next_trip(self, begin: int) -> None:
        """Notes that a trip of a loop begins."""
        if self._changes > begin:
            self._may_stop = True
        self.poll()

    def end_loop(self, begin: int) -> None:
        """Notes the end of a loop."""
        if self._changes > begin:
            self._may_stop = False


def run_changing(action: Callable[[Progress], T]) -> T:
    """Runs an action that changes variables; where it fails or is interrupted, the error says which it has changed."""
    progress = Progress()
    try:
        return putting_off(action, progress)
    except BaseException as error:
        say_what_changed(error, list(progress.changed))
        raise


def say_what_changed(error: BaseException, variables: Sequence[str]) -> None:
    """Adds a note to the exception that ended a step: the variables that it has changed. No note, no change."""
    if variables:
        names = ", ".join(f"'{name}'" for name in variables)
        error.add_note(
            f"the step that this ended had changed the variable{'s' * (len(variables) > 1)} {names}"
        )
