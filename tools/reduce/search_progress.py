"""The progress of a search, on standard error where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pullback.tools.reduce.search import Search

SOON = 1.0
"""Seconds of a search that shows nothing."""


@contextmanager
def progress_of(search: Search) -> Generator[None]:
    """Shows the size of the best program so far, the kind of reduction at work, and how many candidates were tested."""
    if not sys.stderr.isatty():
        yield
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # No thread that refreshes: tests run in forks of this process.
    shown = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
    first = search.best.size.operations
    task = shown.add_task("", total=max(first, 1))
    begin = time.monotonic()

    def advance(name: str) -> None:
        left = search.best.size.operations
        text = f"{left} of {first} operations, {search.counts.tested} candidates: {name}"
        shown.update(task, completed=first - left, description=text)
        if time.monotonic() - begin >= SOON:
            shown.start()
            shown.refresh()

    search.on_progress = advance
    try:
        yield
    finally:
        shown.stop()
