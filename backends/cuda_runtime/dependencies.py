"""Which commands must wait for which: those that read what others write, or write what others read or write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Range = tuple[int, int]
"""Where memory begins, and where it ends."""


class MemoryAccess(Protocol):
    """What reads and writes memory."""

    @property
    def reads(self) -> Sequence[Range]: ...
    @property
    def writes(self) -> Sequence[Range]: ...


@dataclass(frozen=True)
class RangeAccess:
    """Ranges that are read, and ranges that are written."""

    reads: Sequence[Range]
    writes: Sequence[Range]


@dataclass(frozen=True)
class _Live:
    """The access of a range that later ones may have to wait for."""

    number: int
    range: Range
    is_write: bool


def predecessors(commands: Sequence[MemoryAccess]) -> list[list[int]]:
    """For each command the numbers of the earlier ones that it waits for.

    What these wait for themselves is left out.
    """
    live: list[_Live] = []
    behind: list[int] = []
    """For each command a bit for each that is done before it begins."""
    found: list[list[int]] = []
    for number, command in enumerate(commands):
        conflicts = {
            *(old.number for old in live if any(overlap(old.range, new) for new in command.writes)),
            *(
                old.number
                for old in live
                if old.is_write and any(overlap(old.range, new) for new in command.reads)
            ),
        }
        before, kept = 0, list[int]()
        for conflict in sorted(conflicts, reverse=True):
            if not before >> conflict & 1:
                kept.append(conflict)
                before |= behind[conflict] | 1 << conflict
        found.append(kept[::-1])
        behind.append(before)
        # What conflicts with an access of a part of what is written here conflicts with this, too.
        live = [old for old in live if not any(_covers(new, old.range) for new in command.writes)]
        live += [_Live(number, new, False) for new in command.reads if new not in command.writes]
        live += [_Live(number, new, True) for new in command.writes]
    return found


def overlap(a: Range, b: Range) -> bool:
    """Whether two ranges have bytes in common."""
    return a[0] < b[1] and b[0] < a[1]


def conflict(a: MemoryAccess, b: MemoryAccess) -> bool:
    """Whether the order of two accesses matters."""
    return (
        any(overlap(x, y) for x in a.writes for y in b.writes)
        or any(overlap(x, y) for x in a.writes for y in b.reads)
        or any(overlap(x, y) for x in a.reads for y in b.writes)
    )


def _covers(outer: Range, inner: Range) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def merged(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The same bytes in as few ranges as possible, in ascending order."""
    result: list[Range] = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        else:
            result.append((start, end))
    return tuple(result)
