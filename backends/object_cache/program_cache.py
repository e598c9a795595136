"""What this process found among the native programs that are kept, and what it did not find and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class ProgramCache:
    """The programs that were asked for so far."""

    is_on: bool = True
    """Whether this process looks for programs and keeps them; the tests of the compiler do not."""
    hits: int = 0
    """How many were found."""
    misses: Counter[str] = field(default_factory=Counter[str])
    """How many were compiled, by the reason."""
    seconds_saved: float = 0.0
    """The seconds that it took to compile what was found, less those that it took to find and load it."""
    bytes_read: int = 0
    bytes_written: int = 0


PROGRAMS = ProgramCache()
"""Those of this process. They are changed while a program is compiled, which one thread does at a time."""
