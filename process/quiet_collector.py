"""Python's garbage collector while IR is built: it looks for garbage rarely, in whatever thread."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from contextlib import contextmanager
from threading import get_ident

from pullback.process.locks import Lock, wait_before_fork


@contextmanager
def quiet_collector() -> Generator[None]:
    """Collect rarely while IR is built: its many cycles are all alive, and scanning them doubles the time."""
    thread = get_ident()
    with _guard:
        if not _building:
            _thresholds[:] = gc.get_threshold()
            gc.set_threshold(1_000_000, 50, 50)
        _building.append(thread)
    try:
        yield
    finally:
        with _guard:
            _building.remove(thread)
            if not _building:
                _as_before()


_guard = Lock()
wait_before_fork(_guard)
_building: list[int] = []
"""The threads that build IR now: the last one to be done lets the collector run again."""
_thresholds: list[int] = []


def _as_before() -> None:
    gc.set_threshold(*_thresholds)


def _in_child() -> None:
    """Threads that were building are gone."""
    others = [thread for thread in _building if thread != get_ident()]
    _building[:] = [thread for thread in _building if thread == get_ident()]
    if others and not _building:
        _as_before()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_in_child)
