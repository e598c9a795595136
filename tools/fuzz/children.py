"""The child processes of the fuzzer: each ends with it, together with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_ALIVE: set[subprocess.Popen[bytes]] = set()


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a command in a session of its own: an interrupt at the terminal is for the fuzzer alone.

    Args:
        command: the program and its arguments.
        options: of `subprocess.Popen`.

    Raises:
        OSError: it cannot be started.
    """
    child: subprocess.Popen[Any] = subprocess.Popen(command, start_new_session=True, **options)
    _ALIVE.add(child)
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    """Kills a child and what it started, and waits until it is gone."""
    if child.returncode is None:  # else its number may be another's by now
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()
        child.wait()
    _ALIVE.discard(child)


def end_all() -> None:
    """Ends all that were started and not ended."""
    for child in list(_ALIVE):
        end(child)
