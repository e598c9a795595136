"""Locks that a fork leaves free in the child, and taking several of them without deadlock."""

from __future__ import annotations

import itertools
import operator
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

_numbers = itertools.count()
_REENTRANT: Any = type(threading.RLock())  # the class in C, which its stubs call a function


class AnyLock(Protocol):
    """A lock of `threading`."""

    def acquire(self) -> bool: ...
    def release(self) -> None: ...


class Lock(_REENTRANT):
    """A re-entrant lock that is free in the child of a fork, whoever held it, and copied or pickled as a new one.

    Only the thread that forks goes on in the child. What another one held there would be held for ever. A lock that
    the forking thread holds itself stays held, since that thread goes on to release it.
    """

    def __init__(self) -> None:
        self.number = next(_numbers)
        """Locks that are held together are taken by ascending numbers, so no two threads wait for each other."""
        _all.add(self)

    held_here: Callable[[], bool] = _REENTRANT._is_owned
    """Whether the current thread holds it."""

    def refuse_to_reenter(self) -> None:
        """Raises where the current thread holds it already: what it guards would be used twice at once.

        Raises:
            RuntimeError: the handler of a signal called the step that the signal interrupted.
        """
        if self.held_here():
            raise RuntimeError("a signal handler called the step that it interrupted, whose memory is in use")

    def __reduce__(self) -> Any:
        return Lock, ()


_all: weakref.WeakSet[Lock] = weakref.WeakSet()
_waited: list[AnyLock] = []
"""The locks that a fork takes first, in this order."""
_held: list[AnyLock] = []
"""The locks that the thread which is about to fork has taken."""


def wait_before_fork(lock: AnyLock) -> None:
    """Makes each fork take this lock first: what it guards would be half changed in the child."""
    _waited.append(lock)


def in_order(locks: Sequence[Lock]) -> tuple[Lock, ...]:
    """The locks in ascending order, each once: the order in which they are taken together."""
    return tuple(sorted(dict.fromkeys(locks), key=lambda lock: lock.number))


_acquire: Callable[[AnyLock], bool] = _REENTRANT.acquire
_release: Callable[[AnyLock], None] = _REENTRANT.release
_drain = deque[None](maxlen=0).extend


def holding(locks: Sequence[Lock], action: Callable[..., T], *arguments: Any) -> T:
    """Runs an action while all locks of `in_order` are held; returns its result.

    An exception of a signal's handler may be raised after any call of a function. So all locks are taken in one call,
    which notes each that it has, and given back in another one.
    """
    if not locks:
        return action(*arguments)
    if len(locks) == 1:
        with locks[0]:
            return action(*arguments)
    taken: list[AnyLock] = []
    release = map(_release, taken)
    try:
        taken.extend(filter(_acquire, locks))
        return action(*arguments)
    finally:
        _drain(release)


def _before_fork() -> None:
    _held.extend(filter(operator.methodcaller("acquire"), _waited))


def _in_parent() -> None:
    while _held:
        _held.pop().release()


def _in_child() -> None:
    _in_parent()
    for lock in list(_all):
        if not lock.held_here():
            lock._at_fork_reinit()  # pyright: ignore[reportPrivateUsage] as `threading` and `logging` do


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)

COMPILING = Lock()
"""Held while a program is compiled: passes and LLVM run in one thread at a time, and a fork waits for them."""
wait_before_fork(COMPILING)
