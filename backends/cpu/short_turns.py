"""Short turns of Python's threads, as long as somebody compiles on a helper.

The interval is that of the process, and several threads may compile programs at once: so those who need it are
counted, and the last one puts back what the first one found.
"""

from __future__ import annotations

import sys
import threading

SWITCH_INTERVAL = 1e-4
"""Seconds for which Python runs before another thread gets its turn: a helper needs one for each function, for
microseconds, and compiles four times as long if it waits for the usual 5 ms each time."""


class _ShortTurns:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._usual = 0.0

    def begin(self) -> None:
        """Shortens turns until `end` is called as often."""
        with self._lock:
            if self._count == 0:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(SWITCH_INTERVAL, self._usual))
            self._count += 1

    def end(self) -> None:
        """Needs no short turns any more."""
        with self._lock:
            self._count -= 1
            if self._count == 0:
                sys.setswitchinterval(self._usual)


SHORT_TURNS = _ShortTurns()
