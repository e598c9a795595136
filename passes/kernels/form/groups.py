"""Groups of operations that will run as one kernel: their common iteration space, and when two become one."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias

from pullback.passes.lowering.support import Kind
from pullback.passes.rewriting.union_find import Merging

Reduces: TypeAlias = Literal["leading", "trailing", "all"]
"""Which dims of the space a reduction runs over: the first ones, the last ones, or every one."""
Known: TypeAlias = Literal["leading", "trailing", "all", "late"] | None
"""When a value is known: at once, once a reduction over these dims is done, or only after the last loop."""


class Dim(Merging):
    """A dim of an iteration space. Dims of groups that were merged are one dim."""

    def __init__(self, extent: int, index: int) -> None:
        self.extent = extent
        self.index = index
        """Its place in the space; that of `root()` is the current one."""

    def unite(self, other: Self) -> None:
        """From now on this dim is `other`."""
        mine = self.root()
        if mine is not other.root():
            mine.become(other.root())


Placement: TypeAlias = tuple[Dim | None, ...]
"""The dim along which each axis of a value runs; `None` for an axis of extent 1."""


@dataclass(frozen=True, eq=False)
class Group:
    """Operations to run as one kernel: the loops that they share.

    `shape` holds their extents. `boundary` splits those other than 1 where a reduction does; `inner` says which part
    is reduced by reductions whose results the kernel itself uses.
    """

    kind: Kind
    position: int
    wall: int
    shape: tuple[int, ...]
    boundary: int | None
    inner: Reduces | None
    reductions: frozenset[Known]


@dataclass(eq=False)
class OpenGroup(Merging):
    """A group to which more may come.

    `space` holds the extents other than 1, outermost first; `shape` the extents with those of 1, as a value has
    them. `boundary` and `inner` are `None` while the choice is open.
    """

    kind: Kind
    position: int
    wall: int
    space: list[Dim]
    shape: tuple[int, ...]
    size: int = 1
    """The number of operations."""
    boundary: int | None = None
    inner: Reduces | None = None
    reductions: frozenset[Known] = frozenset()
    users: list[OpenGroup] = field(default_factory=list)
    leaves: int = sys.maxsize
    """The position of the first operation outside of kernels that it comes before."""
    whole: list[OpenGroup] = field(default_factory=list)
    """Groups of which it reads what must be in memory before it starts: rows to gather, or a total known late."""

    @property
    def is_pointwise(self) -> bool:
        return self.kind == "loop" and not self.reductions and self.boundary is None

    def is_used_before(self, user: OpenGroup) -> bool:
        """Whether something between this group and `user` needs this one.

        Positions only grow, so a refusal made on old ones is never wrong.
        """
        current = [u.root() for u in self.users]
        self.users = [u for u in current if u is not self and u is not user]
        return self.leaves < user.position or any(u.position < user.position for u in self.users)

    def reads_whole(self, source: OpenGroup) -> bool:
        """Whether it can share no loops with another group, because it reads a finished result of it."""
        self.whole = list(dict.fromkeys(group.root() for group in self.whole))
        return source in self.whole

    def effective(self, known: Known) -> Known:
        """When a value is known, now that more may have been decided."""
        if self.inner is None or known is None or known == self.inner:
            return known
        return "late"

    def absorb(self, other: OpenGroup) -> None:
        """From now on the operations of `other` are of this group."""
        self.size += other.size
        self.users += other.users
        self.whole += other.whole
        self.leaves = min(self.leaves, other.leaves)
        other.become(self)
        other.users, other.whole = [], []

    def closed(self) -> Group:
        """The group, once nothing more comes to it."""
        return Group(
            *(self.kind, self.position, self.wall, self.shape), self.boundary, self.inner, self.reductions
        )


@dataclass(frozen=True)
class Link:
    """A value of one group that an operation of another needs: where it stands in each, and when it is known."""

    there: Placement
    here: Placement
    known: Known
    by_scalar: bool
    """Whether the operation that needs it computes a single element."""
