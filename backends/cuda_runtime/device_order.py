"""The order between devices: one that goes on with what another has yet to do waits for an event there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pullback.backends.cuda_runtime.commands import CommandQueue
from pullback.backends.cuda_runtime.dependencies import MemoryAccess, Range, conflict, merged
from pullback.process.locks import Lock

KEPT = 64
"""How many accesses are remembered before older ones are taken together."""


@dataclass(frozen=True)
class _Past:
    """What a queue was given, and the event behind it."""

    queue: CommandQueue
    number: int
    event: Any
    reads: Sequence[Range]
    writes: Sequence[Range]


class DeviceOrder:
    """Remembers what the queues of several devices were given, until they are waited for."""

    def __init__(self) -> None:
        self._past: list[_Past] = []
        self._count = 0
        self._waited: dict[tuple[CommandQueue, CommandQueue], int] = {}
        """The latest number of the second queue that the first one waits for."""
        self._lock = Lock()

    def before(self, queue: CommandQueue, access: MemoryAccess) -> None:
        """Has a queue wait for what others have yet to do with the same memory."""
        with self._lock:
            for past in reversed(self._past):
                known = self._waited.get((queue, past.queue), -1)
                if past.queue is not queue and past.number > known and conflict(past, access):
                    queue.stream.wait(past.event)
                    self._waited[queue, past.queue] = past.number

    def after(self, queue: CommandQueue, access: MemoryAccess) -> None:
        """Notes what a queue was just given."""
        with self._lock:
            self._past.append(_Past(queue, self._count, queue.stream.record(), access.reads, access.writes))
            self._count += 1
            if len(self._past) > KEPT:
                self._past = [*self._together(self._past[: KEPT // 2]), *self._past[KEPT // 2 :]]

    def done(self, queue: CommandQueue, number: int) -> None:
        """Forgets what a queue was given before a number that `count` gave: the host has waited for it."""
        with self._lock:
            self._past = [p for p in self._past if p.queue is not queue or p.number >= number]

    def is_used(self, access: MemoryAccess) -> bool:
        """Whether a queue was given something with the same memory that the host has not waited for."""
        with self._lock:
            return any(conflict(past, access) for past in self._past)

    def count(self) -> int:
        """The number of what comes next."""
        return self._count

    @staticmethod
    def _together(past: Sequence[_Past]) -> list[_Past]:
        """The same accesses as one for each queue, done when the last of them is."""
        result: list[_Past] = []
        for queue in dict.fromkeys(p.queue for p in past):
            mine = [p for p in past if p.queue is queue]
            reads = merged([range for p in mine for range in p.reads])
            writes = merged([range for p in mine for range in p.writes])
            result.append(_Past(queue, mine[-1].number, mine[-1].event, reads, writes))
        return result
