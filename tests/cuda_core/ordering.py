"""What comes before what, and accesses to memory that nothing orders: on a device they may happen in either order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pullback.tests.cuda_core.address_space import Allocation

Clock: TypeAlias = dict[int, int]
"""For streams, by number, the position up to which their work comes before something."""


@dataclass(frozen=True)
class Access:
    """Bytes that work reads or writes. Of the memory of a pointer that a kernel has, the first one is known."""

    allocation: Allocation
    first: int
    size: int
    writes: bool
    user: str

    def conflicts(self, other: Access) -> bool:
        """Whether the two must be ordered."""
        overlap = self.first < other.first + other.size and other.first < self.first + self.size
        return overlap and (self.writes or other.writes)


def whole(allocation: Allocation, user: str) -> Access:
    """The access of what makes or ends an allocation."""
    return Access(allocation, allocation.address, allocation.size, True, user)


@dataclass
class _Past:
    access: Access
    stream: int
    position: int


@dataclass
class Ordering:
    """The accesses of all streams, and what the host has waited for: that comes before all it enqueues later."""

    host: Clock = field(default_factory=dict)
    _past: dict[Allocation, list[_Past]] = field(default_factory=dict)

    def conflict(self, accesses: Iterable[Access], clock: Clock) -> str | None:
        """An earlier access that work conflicts with which comes after `clock` alone, in words."""
        for access in accesses:
            for past in self._past.get(access.allocation, ()):
                if access.conflicts(past.access) and clock.get(past.stream, 0) < past.position:
                    return f"{access.user} does not wait for {past.access.user}: both use {access.allocation}"
        return None

    def note(self, accesses: Iterable[Access], stream: int, position: int) -> None:
        """Remember accesses, for those to come."""
        for access in accesses:
            kept = [past for past in self._past.get(access.allocation, ()) if not self._is_past(past)]
            self._past[access.allocation] = [*kept, _Past(access, stream, position)]

    def forget(self, allocation: Allocation) -> None:
        self._past.pop(allocation, None)

    def host_waited(self, clock: Clock) -> None:
        merge(self.host, clock)

    def _is_past(self, past: _Past) -> bool:
        """Whether the host has waited for it."""
        return self.host.get(past.stream, 0) >= past.position


def merge(clock: Clock, other: Clock) -> None:
    """Let what comes after `clock` come after `other`, too."""
    for stream, position in other.items():
        clock[stream] = max(clock.get(stream, 0), position)


def conflict_in_graph(accesses: Sequence[Sequence[Access]], after: Sequence[frozenset[int]]) -> str | None:
    """Two nodes of a graph that conflict, and neither comes after the other, in words."""
    before = ancestors(after)
    uses = sorted(
        ((access, node) for node, each in enumerate(accesses) for access in each),
        key=lambda use: use[0].first,
    )
    active: list[tuple[Access, int]] = []
    for access, node in uses:
        active = [(other, n) for other, n in active if other.first + other.size > access.first]
        for other, earlier in active:
            ordered = earlier == node or before[node] >> earlier & 1 or before[earlier] >> node & 1
            if not ordered and access.conflicts(other):
                one, two = sorted([(earlier, other.user), (node, access.user)])
                return (
                    f"nodes {one[0]} ({one[1]}) and {two[0]} ({two[1]}) of a graph use {access.allocation}, and none "
                    "comes after the other"
                )
        active.append((access, node))
    return None


def ancestors(after: Sequence[frozenset[int]]) -> list[int]:
    """For each node the set of those that it comes after, however far, as bits; raises ValueError for a circle."""
    found: dict[int, int] = {}
    waiting = dict(enumerate(after))
    while waiting:
        ready = [node for node, direct in waiting.items() if all(each in found for each in direct)]
        if not ready:
            raise ValueError("the nodes of the graph depend on each other in a circle")
        for node in ready:
            bits = 0
            for each in waiting.pop(node):
                bits |= found[each] | 1 << each
            found[node] = bits
    return [found[node] for node in range(len(after))]
