"""What a program did with its devices, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

T = TypeVar("T")
Extent: TypeAlias = tuple[int, int, int]
CopyKind: TypeAlias = Literal["h2d", "d2h", "d2d", "p2p", "h2h"]
Memory: TypeAlias = int | None
"""The number of a device, or None for the host."""


@dataclass(frozen=True)
class Copy:
    """Bytes that were copied; `p2p` is from one device to another."""

    kind: CopyKind
    size: int
    source: Memory
    target: Memory


@dataclass(frozen=True)
class Fill:
    """Bytes that were set."""

    size: int
    device: Memory


@dataclass(frozen=True)
class Launch:
    """A kernel that ran."""

    kernel: str
    grid: Extent
    block: Extent
    device: int


@dataclass(frozen=True)
class Allocated:
    """Memory that was taken."""

    size: int
    device: Memory


@dataclass(frozen=True)
class Freed:
    """Memory that was given back."""

    size: int
    device: Memory


@dataclass(frozen=True)
class Waited:
    """The host waited for a stream, an event, or a device."""

    what: Literal["stream", "event", "device"]
    device: int


@dataclass(frozen=True)
class GraphLaunch:
    """A graph was enqueued; what its nodes do follows when they run."""

    nodes: int
    device: int


Record: TypeAlias = Copy | Fill | Launch | Allocated | Freed | Waited | GraphLaunch


@dataclass
class Recording:
    """Records: of work when it runs, of calls when they are made."""

    records: list[Record] = field(default_factory=list)

    def clear(self) -> None:
        self.records.clear()

    def copies(self, kind: CopyKind | None = None) -> list[Copy]:
        return [each for each in self._all(Copy) if kind in (None, each.kind)]

    def bytes_copied(self, kind: CopyKind | None = None) -> int:
        return sum(each.size for each in self.copies(kind))

    def launches(self, kernel: str | None = None) -> list[Launch]:
        return [each for each in self._all(Launch) if kernel in (None, each.kernel)]

    def kernels(self) -> list[str]:
        """The names of the kernels that ran, in order."""
        return [each.kernel for each in self.launches()]

    def fills(self) -> list[Fill]:
        return self._all(Fill)

    def allocations(self) -> list[Allocated]:
        return self._all(Allocated)

    def frees(self) -> list[Freed]:
        return self._all(Freed)

    def waits(self) -> list[Waited]:
        return self._all(Waited)

    def graph_launches(self) -> list[GraphLaunch]:
        return self._all(GraphLaunch)

    def _all(self, kind: type[T]) -> list[T]:
        return [each for each in self.records if isinstance(each, kind)]
