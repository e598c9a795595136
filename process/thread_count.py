"""How many threads share the work of a step on the CPU: what was asked for, else the CPUs that the process may use."""

from __future__ import annotations

import os
from functools import cache
from math import ceil
from pathlib import Path

from xdsl.utils.exceptions import DiagnosticException

__all__ = ["get_num_threads", "set_num_threads"]

VARIABLE = "PULLBACK_NUM_THREADS"
MOST_THREADS = 256
"""Threads that work at one job at most."""

_set: int | None = None


def set_num_threads(count: int | None) -> None:
    """Sets how many threads share the work of a step on target `cpu`, the calling one included, from the next call on.

    As many compile its code. Results do not depend on it, to the bit.

    Args:
        count: 1 to 256; it may be more than there are CPUs. `None` means what it was at first: what the environment
            variable `PULLBACK_NUM_THREADS` says, else the number of CPUs that the process may use, by its affinity and
            the quota of its control group.

    Raises:
        TypeError: `count` is not an integer.
        ValueError: `count` is out of range.
    """
    global _set
    if count is not None:
        if isinstance(count, bool) or not hasattr(count, "__index__"):
            raise TypeError(f"set_num_threads: expected an integer or None, got {count!r}")
        count = count.__index__()
        if not 1 <= count <= MOST_THREADS:
            raise ValueError(f"set_num_threads: expected 1 to {MOST_THREADS} threads, or None, got {count}")
    _set = count


def number_that_was_set() -> int | None:
    """What `set_num_threads` was called with last."""
    return _set


class ThreadCountError(DiagnosticException, ValueError):
    """The environment names no number of threads: the user's error, as tools say it."""


def get_num_threads() -> int:
    """How many threads share the work of a step on target `cpu`, if it is called now.

    Raises:
        ValueError: the environment variable `PULLBACK_NUM_THREADS` is not a number from 1 to 256.
    """
    if _set is not None:
        return _set
    text = os.environ.get(VARIABLE)
    if not text:
        return min(available_cpus(), MOST_THREADS)
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_THREADS:
        raise ThreadCountError(
            f"{VARIABLE}: expected a number of threads from 1 to {MOST_THREADS}, got {text!r}"
        )
    return count


def available_cpus() -> int:
    """The CPUs that the process may use: those of its affinity, but no more than its control group's quota is worth."""
    return min(_cpus(), quota())


def _cpus() -> int:
    count = getattr(os, "process_cpu_count", None)  # of Python 3.13, which knows more than the affinity
    if count is not None:
        return count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def quota(root: Path = Path("/")) -> int:
    """The CPUs that the quota of the process's control group is worth, rounded up; a large number without one.

    It is read once: a process seldom moves to another group. The quotas of the groups around it hold as well.
    """
    found = [MOST_THREADS]
    for hierarchy, group in _groups(root / "proc/self/cgroup"):
        folder = root / "sys/fs/cgroup" / hierarchy
        inner = (folder / group.lstrip("/")).absolute()
        # A container may see its own group as the root of the hierarchy, and not by the name that it has outside.
        places = [place for place in (inner, *inner.parents) if place.is_relative_to(folder)]
        found += [count for place in places if (count := _quota_in(place)) is not None]
    return max(1, min(found))


def _groups(listing: Path) -> list[tuple[str, str]]:
    """The folders of hierarchies below `/sys/fs/cgroup` that limit CPUs, each with the process's group in it."""
    try:
        lines = listing.read_text().splitlines()
    except OSError:
        return []
    found: list[tuple[str, str]] = []
    for line in lines:
        number, controllers, group = line.split(":", 2)
        if number == "0" and not controllers:  # version 2
            found.append(("", group))
        elif "cpu" in controllers.split(","):  # version 1: `cpu` is a link where the folder has several names
            found += [("cpu", group), (controllers, group)]
    return found


def _quota_in(folder: Path) -> int | None:
    """The quota that one group states, in whole CPUs; None where it states none."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None
