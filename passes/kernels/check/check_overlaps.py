"""Interference: whether a memory plan keeps values apart that are live at the same time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TypeAlias

from xdsl.ir import Operation, OpResult, SSAValue

from pullback.dialects.graph.kernel.buffer import BufferAttr, MemorySpace
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.memory.lifetimes import Lifetimes, Storage
from pullback.passes.kernels.memory.reuse import makes_way, may_overwrite
from pullback.passes.lowering.in_place import unchanged_kernels

Memory: TypeAlias = tuple[MemorySpace, int | str | None]
"""An output, by its number, or the arena of a device."""


@dataclass(frozen=True)
class Placed:
    """A storage, and where its bytes begin in the memory that it is in."""

    storage: Storage
    buffer: BufferAttr
    begin: int

    @property
    def value(self) -> OpResult:
        """The result that the storage is for."""
        value = self.storage.values[0]
        assert isinstance(value, OpResult)
        return value

    @property
    def range(self) -> tuple[int, int]:
        """From where to where it reaches."""
        return self.begin, self.begin + self.storage.size

    def overlaps(self, other: Placed) -> bool:
        (begin, end), (there, its_end) = self.range, other.range
        return begin < its_end and there < end


class Living:
    """Storages that may be live still, by the bytes that they lie in: no two ranges of these overlap."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        """In order, from where to where they reach."""
        self._within: defaultdict[tuple[int, int], list[Placed]] = defaultdict(list)

    def add(self, new: Placed) -> None:
        """Adds a storage that lies in a free range, or shares that of others."""
        if new.range not in self._within:
            insort(self._ranges, new.range)
        self._within[new.range].append(new)

    def overlapped_by(self, new: Placed) -> list[Placed]:
        """Those that are live when a later one is made, and overlap it; what was there before is forgotten."""
        begin, end = new.range
        first = bisect_left(self._ranges, (begin,))
        after = takewhile(lambda r: r[0] < end, islice(self._ranges, first, None))
        found: list[Placed] = []
        for touched in [*self._ranges[max(first - 1, 0) : first], *after]:
            living = [old for old in self._within[touched] if old.storage.end >= new.storage.start]
            self._within[touched] = living
            if not living:
                del self._within[touched]
                self._ranges.pop(bisect_left(self._ranges, touched))
            found += [old for old in living if old.overlaps(new)]
        return found


def check_overlaps(lives: Lifetimes, buffers: Mapping[SSAValue, BufferAttr]) -> None:
    """Raises DiagnosticError where a value is written over another that is still live.

    Memory of variables is left out: what may be there is proved by `place_variables`.
    """
    memories: defaultdict[Memory, list[Placed]] = defaultdict(list)
    for value, buffer in buffers.items():
        storage, (_, where) = lives.of(value), buffer.place
        if storage is None or buffer.kind is MemorySpace.VARIABLE:
            continue
        if buffer.kind is MemorySpace.ARENA and isinstance(where, int):
            memories[buffer.kind, storage.device].append(Placed(storage, buffer, where))
        else:
            memories[buffer.kind, where].append(Placed(storage, buffer, 0))
    with unchanged_kernels():
        for placed in memories.values():
            living = Living()
            for new in sorted(placed, key=lambda p: p.storage.start):
                for old in living.overlapped_by(new):
                    if not _may_share(old, new, lives):
                        raise _overlap(old, new, lives)
                living.add(new)


def _may_share(old: Placed, new: Placed, lives: Lifetimes) -> bool:
    """Tells whether a value may be in the buffer of one that is read, for the last time, while it is made."""
    if old.range != new.range or old.storage.start == new.storage.start:
        return False
    op = new.value.owner
    assert isinstance(op, Operation)
    if old.storage.end > new.storage.start:
        return _follows(old, new, lives)
    match op:
        case Kernel():
            return may_overwrite(op, new.value, old.storage, lives)
        case While():
            return lives.of(op.operands[new.value.index]) is old.storage
        case _:
            return False


def _follows(old: Placed, new: Placed, lives: Lifetimes) -> bool:
    """Tells whether a loop carries one value, and the other is the next one, which may replace it."""
    loop, number = old.value.owner, old.value.index
    if not isinstance(loop, While):
        return False
    last = loop.body.block.last_op
    assert last is not None
    is_next = lives.of(last.operands[number]) is new.storage and new.storage.end == lives.start[last]
    return is_next and makes_way(loop.body.block.args[number], new.value, lives)


def _overlap(old: Placed, new: Placed, lives: Lifetimes) -> DiagnosticError:
    user = lives.ops[old.storage.end]
    return DiagnosticError(
        f"memory: result {new.value.index} of '{new.value.op.name}' lies in {new.buffer}, where "
        f"'{name_of_value(old.value)}' lies in {old.buffer} until '{user.name}' has used it; expected bytes "
        "that are free: choose others, or run plan-memory",
        new.value.op,
    )
