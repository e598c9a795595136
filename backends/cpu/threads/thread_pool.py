"""The process's pool of threads: compiled when a program needs it, with threads that are started at the first call."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import llvmlite.binding as llvm

from pullback.backends.cpu.jit_session import compiled_once, jit
from pullback.backends.cpu.threads.architecture import ARCHITECTURES, Architecture
from pullback.backends.cpu.threads.asked_text import ASKED, asked_text
from pullback.backends.cpu.threads.pool_text import (
    RUN,
    TABLE,
    run_at,
    with_threads,
    without_threads,
)
from pullback.process.locks import COMPILING, Lock
from pullback.process.thread_count import get_num_threads, number_that_was_set

T = TypeVar("T")
STACK = 8 << 20
"""Bytes of a worker's stack, as a main thread has."""
FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT", "SIGTRAP", "SIGSYS")
"""Signals that a thread gets for what it does itself."""


def pool() -> ThreadPool:
    """The process's pool."""
    with COMPILING:  # two would not know of each other's threads
        return _pool()


@cache
def _pool() -> ThreadPool:
    return ThreadPool()


def texts_of_pool() -> list[str]:
    """LLVM IR that `pool` will compile; none where there is the pool already."""
    return [] if _pool.cache_info().currsize else [_text()]


class ThreadPool:
    """The threads that run parts of `scf.parallel`; they are never joined, and end with the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.threads = 1
        """What the pool was told last."""
        self.started = 0
        self._answered: int | None = None
        """What the number was asked for by when the pool was told last: see `asked_text`."""
        self._library = None if _architecture() is None else _threads_library()
        if self._library is None:
            self._run = compiled_once(_text(), RUN, {})
            return
        table = compiled_once(_text(), TABLE, {})
        self._run, count, self._worker, forget = (ctypes.c_size_t * 4).from_address(table)
        self._count = ctypes.c_int32.from_address(count)
        self._forget = ctypes.CFUNCTYPE(None)(forget)
        # With the lock of Python, whose threads change the environment.
        self._asked = ctypes.PYFUNCTYPE(ctypes.c_int64)(compiled_once(asked_text(), ASKED, {}))
        # Workers run this code until the process ends, when Python has taken all else apart.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(jit()))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    @property
    def addresses(self) -> dict[str, int]:
        """The addresses of the symbols that programs need."""
        return {RUN: self._run}

    @property
    def text_with_addresses(self) -> str:
        """LLVM IR of these symbols for this process alone."""
        return run_at(self._run)

    def calling(self, native: Callable[..., T]) -> Callable[..., T]:
        """Wraps a native function: before each call the pool is told how many threads there are to be."""

        if self._library is None:
            return native

        def call(*arguments: Any) -> T:
            asked = number_that_was_set() or self._asked()
            if asked != self._answered:
                self._set(get_num_threads())
                self._answered = asked
            return native(*arguments)

        return call

    def _set(self, count: int) -> None:
        """Starts workers that are missing. Where the system has no more to give, those that there are do the work."""
        if self._library is None or count == self.threads:
            return
        with self._lock:
            with _signals_blocked():
                while self.started < count - 1 and _start(self._library, self._worker, self.started):
                    self.started += 1
            self._count.value = min(count, self.started + 1)
            self.threads = count

    def _begin_anew(self) -> None:
        """Forgets the workers, which a child of a fork does not have, and the job that another thread may have had."""
        self._forget()
        self.threads, self.started, self._answered = 1, 0, None


def _architecture() -> Architecture | None:
    return ARCHITECTURES.get(llvm.get_process_triple().partition("-")[0])


def _text() -> str:
    """LLVM IR of the pool."""
    architecture = _architecture()
    if architecture is None or _threads_library() is None:
        return without_threads()
    return with_threads(architecture)


@cache
def _threads_library() -> Any:
    """The library with the threads of POSIX, or None."""
    if not hasattr(time, "CLOCK_MONOTONIC") or not hasattr(signal, "pthread_sigmask"):
        return None
    library = ctypes.PyDLL(None)
    return library if hasattr(library, "pthread_create") else None


def _start(library: Any, function: int, number: int) -> bool:
    """Starts a thread that runs `function(number)` and belongs to nobody; tells whether there is one."""
    attributes, thread = ctypes.create_string_buffer(256), ctypes.c_void_p()
    library.pthread_attr_init(attributes)
    library.pthread_attr_setstacksize(attributes, ctypes.c_size_t(STACK))
    failed = library.pthread_create(
        ctypes.byref(thread), attributes, ctypes.c_void_p(function), ctypes.c_void_p(number)
    )
    library.pthread_attr_destroy(attributes)
    if not failed:
        library.pthread_detach(thread)
    return not failed


@contextmanager
def _signals_blocked() -> Generator[None]:
    """Threads that are started meanwhile get no signals: those are for Python's."""
    faults = {getattr(signal, name) for name in FAULTS if hasattr(signal, name)}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - faults)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
