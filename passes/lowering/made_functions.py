"""Tells of each kernel's function as soon as it is lowered, so that its code may be made while others are lowered."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar

from xdsl.ir import Operation

_LISTENER: ContextVar[Callable[[Operation], None] | None] = ContextVar("listener", default=None)


@contextmanager
def telling_of_functions(listener: Callable[[Operation], None]) -> Generator[None]:
    """Calls `listener` with each function that a lowering makes meanwhile in this thread, after those that it calls.

    The lowering changes nothing of it later.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell_of(functions: Iterable[Operation]) -> None:
    """Calls the listener, if there is one."""
    listener = _LISTENER.get()
    if listener is not None:
        for function in functions:
            listener(function)
