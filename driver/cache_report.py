"""`cache_report`: what this process found among the native programs that are kept between processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pullback.backends.object_cache.kept_files import LIMITS, PROGRAM
from pullback.backends.object_cache.private_folder import NotPrivateError, lasting_folder
from pullback.backends.object_cache.program_cache import PROGRAMS


@dataclass(frozen=True)
class CacheReport:
    """What this process found among the native programs that are kept, and what it compiled, and why."""

    hits: int
    """How many programs were found: nothing was lowered or compiled for these."""
    misses: Mapping[str, int]
    """How many were compiled, by the reason."""
    seconds_saved: float
    """The seconds that it took to compile what was found, less those that it took to find and load it."""
    bytes_read: int
    """Bytes of what was found."""
    bytes_written: int
    """Bytes of what was compiled and is kept now."""
    folder: Path | None
    """Where programs are kept; None where none are."""
    files: int
    """How many programs are there, also by other processes."""
    bytes_kept: int
    """Bytes of these."""

    def __str__(self) -> str:
        compiled = sum(self.misses.values())
        lines = [f"programs: {self.hits} found, {compiled} compiled"]
        lines += [f"  {count} since {reason}" for reason, count in self.misses.items()]
        lines += [f"saved: {self.seconds_saved:.2f} s"]
        lines += [f"bytes: {self.bytes_read} read, {self.bytes_written} written"]
        if self.folder is None:
            return "\n".join([*lines, "folder: none"])
        limit = LIMITS[PROGRAM] >> 20
        held = f"{self.files} programs of {self.bytes_kept / (1 << 20):.1f} MiB, of at most {limit}"
        return "\n".join([*lines, f"folder: {self.folder}: {held}"])


def cache_report() -> CacheReport:
    """Reports what this process found among the native programs that are kept, so far.

    A program that was compiled for target `cpu` before, by any process, is found by what it computes, and by all else
    that its code follows from: the shapes, the passes, the processor, and the sources of the compiler and of plug-ins.
    The folder is the one that `PULLBACK_CACHE` names, else `pullback` among the user's caches; if it is 0, nothing is
    kept.
    """
    folder = None
    with suppress(NotPrivateError):
        folder = lasting_folder()
    sizes: list[int] = []
    if folder is not None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(PROGRAM):
                    with suppress(FileNotFoundError):  # another process removes it
                        sizes.append(entry.stat(follow_symlinks=False).st_size)
    return CacheReport(
        PROGRAMS.hits,
        dict(PROGRAMS.misses),
        PROGRAMS.seconds_saved,
        PROGRAMS.bytes_read,
        PROGRAMS.bytes_written,
        folder,
        len(sizes),
        sum(sizes),
    )
