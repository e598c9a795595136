"""Runs a function in a process of its own: one that crashes or never ends takes no one along."""

from __future__ import annotations

import faulthandler
import importlib
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Died:
    """What is left of a process that gave no result: `reason` says which signal or status it ended with."""

    reason: str


@dataclass(frozen=True)
class TimedOut:
    """A process that did not end in time, and was killed."""

    seconds: float


CAN_FORK = hasattr(os, "fork")
"""Where processes cannot fork (Windows), functions run in this one."""


def in_child(run: Callable[[], T], seconds: float) -> T | Died | TimedOut:
    """Runs a function in a fork of this process, whose standard output and error are thrown away.

    What it imports of packages that this process has begun to load, this process imports, too: the next child finds it.

    Args:
        run: its result is pickled.
        seconds: after these the child is killed.
    """
    if not CAN_FORK:
        return run()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The threads of BLAS do not compute now, and have handlers for forks.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reading)
        _serve(run, writing)
    os.close(writing)
    try:
        data = _read(reading, seconds)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # one that gave its result has nothing left to do
        _, status = os.waitpid(child, 0)
    if data is None:
        return TimedOut(seconds)
    if not data:
        return Died(_reason(status))
    result: Any
    result, modules = pickle.loads(data)
    for name in modules:
        with suppress(Exception):
            importlib.import_module(name)
    return result


def _serve(run: Callable[[], object], writing: int) -> None:
    """The life of the child: it never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
        faulthandler.disable()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        before = {*sys.modules}
        result = run()
        modules = [name for name in sys.modules if name not in before and name.partition(".")[0] in before]
        data = pickle.dumps((result, modules))
        while data:
            data = data[os.write(writing, data) :]
        os._exit(0)
    finally:
        os._exit(1)


def _read(reading: int, seconds: float) -> bytes | None:
    """All that a child writes until it closes its end; None where it takes longer."""
    end = time.monotonic() + seconds
    data = b""
    while (left := end - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if ready:
            piece = os.read(reading, 1 << 16)
            if not piece:
                return data
            data += piece
    return None


def _reason(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.waitstatus_to_exitcode(status)}"
