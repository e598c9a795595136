"""Groups: operations that run as one kernel, and the iteration space that they share.

    %m = graph.max %h {axes = [1]}       of 64 x 10

    OpenGroup(kind = None, space = [64, 10], shape = (64, 10), reductions = {trailing}, boundary = 1, inner = None)

`inner` is open: nothing reads %m yet. Fused with what reads %m along the rows, as `%h - %m` does, the group has
`inner = trailing`: each row is reduced before its elements are gone through again. The dims of both are one then, by
union-find, so that what was said of one holds for the other.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from math import prod
from typing import Literal, Self, TypeAlias

from xdsl.ir import SSAValue

from pullback.passes.lowering.kernel_kind import Kind
from pullback.passes.rewriting.union_find import Merging

Reduces: TypeAlias = Literal["leading", "trailing", "all"]
"""Which dims of the space a reduction runs over: the first ones, the last ones, or all."""
Known: TypeAlias = Literal["leading", "trailing", "all", "late"] | None
"""When a value is known: at once (`None`), once a reduction over these dims is done, or only after the last loop."""
NARROW = 4
"""The most columns that are narrow, of which at least so many rows are there for each column."""


class Dim(Merging):
    """A dim of an iteration space (union-find). Dims of groups that were fused are one dim."""

    def __init__(self, extent: int, index: int) -> None:
        self.extent = extent
        self.index = index
        """Its number in the space; that of `root()` is the current one."""

    def unite(self, other: Self) -> None:
        """From now on this dim is `other`."""
        mine = self.root()
        if mine is not other.root():
            mine.become(other.root())


Dims: TypeAlias = tuple[Dim | None, ...]
"""The dim along which each axis of a value runs; `None` for an axis of extent 1."""


@dataclass(frozen=True, eq=False)
class Group:
    """Operations to run as one kernel: its kind, and the loops that they share.

    `kind` is that of an operation which needs its own; `None` where all share loops, whose kind is chosen last.
    `shape` holds the extents of the loops. `boundary` is the number of those other than 1 before the place where a
    reduction splits them; `inner` says which part is reduced by reductions whose results the kernel itself uses.
    """

    kind: Kind | None
    position: int
    segment: int
    shape: tuple[int, ...]
    boundary: int | None
    inner: Reduces | None
    reductions: frozenset[Known]
    device: str | None = None
    """Where the kernel runs; None in a program that names no devices."""


@dataclass(eq=False)
class OpenGroup(Merging):
    """A group that may still grow (union-find): `root()` is what it has been fused into.

    `space` holds the dims of extents other than 1, outermost first; `shape` all extents, as a value has them.
    `boundary` and `inner` are `None` while the choice is open.
    """

    kind: Kind | None
    position: int
    segment: int
    space: list[Dim]
    shape: tuple[int, ...]
    device: str | None = None
    size: int = 1
    """The number of operations; a sum of n terms is n - 1 of them."""
    counts: bool = False
    """Whether elements depend on their numbers: random ones, of which pointwise loops compute several at once."""
    has_rows_of_images: bool = False
    """Whether it has a contraction. The rows of other products are one dim, which a border would take apart."""
    boundary: int | None = None
    inner: Reduces | None = None
    reductions: frozenset[Known] = frozenset()
    users: list[OpenGroup] = field(default_factory=list)
    leaves: int = sys.maxsize
    """The position of the first operation outside that needs it: it must stay before that."""
    inputs: set[SSAValue] = field(default_factory=set[SSAValue])
    """What it reads that it did not compute when the reader was put into it."""
    whole: list[OpenGroup] = field(default_factory=list)
    """Groups of which it reads what must be in memory before it starts: rows to gather, or a total known late."""

    @property
    def is_pointwise(self) -> bool:
        return self.kind is None and not self.reductions and self.boundary is None

    @property
    def has_epilogue(self) -> bool:
        """Tells whether elementwise operations may follow on the operation that it is for."""
        return self.kind is not None and self.kind.has_epilogue

    @property
    def is_narrow(self) -> bool:
        """Tells whether its last axis fills a small part of a vector, and all others fill vectors."""
        *around, last = self.shape or (1,)
        return last <= NARROW and prod(around) >= NARROW * last

    def is_used_before(self, user: OpenGroup) -> bool:
        """Tells whether something between this group and `user` needs this one.

        Positions only grow, so a refusal made on old ones is never wrong.
        """
        current = [u.root() for u in self.users]
        self.users = [u for u in current if u is not self and u is not user]
        return self.leaves < user.position or any(u.position < user.position for u in self.users)

    def reads_whole(self, source: OpenGroup) -> bool:
        """Tells whether it can share no loops with another group, because it reads a finished result of it."""
        self.whole = list(dict.fromkeys(group.root() for group in self.whole))
        return source in self.whole

    def effective(self, known: Known) -> Known:
        """Tells when a value is known, now that `inner` may have been decided."""
        if self.inner is None or known is None or known == self.inner:
            return known
        return "late"

    def absorb(self, other: OpenGroup) -> None:
        """Takes over the operations of another group, and what is known of its order."""
        self.size += other.size
        self.counts |= other.counts
        self.has_rows_of_images |= other.has_rows_of_images
        self.users += other.users
        self.whole += other.whole
        self.inputs |= other.inputs
        self.leaves = min(self.leaves, other.leaves)
        other.become(self)
        other.users, other.whole = [], []

    def closed(self) -> Group:
        """Makes the finished group, once nothing more joins it."""
        return Group(
            *(self.kind, self.position, self.segment, self.shape),
            *(self.boundary, self.inner, self.reductions, self.device),
        )


@dataclass(frozen=True)
class Link:
    """A value of one group that an operation of another reads: the dims that it runs along in each, and when known."""

    there: Dims
    here: Dims
    known: Known
    by_scalar: bool
    """Whether the operation that reads it computes a single element."""
