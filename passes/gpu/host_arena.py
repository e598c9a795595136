"""The host arena: memory of the host for the operands and results of what the host runs, and for flags of loops."""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, i8
from xdsl.ir import Block

ALIGNMENT = 64
"""Bytes to which each place is aligned: a cache line."""


class HostArena:
    """Places in the host arena; one that was released may be taken again."""

    def __init__(self) -> None:
        self.size = 0
        """The bytes that it needs in all."""
        self.argument = Block(arg_types=[MemRefType(i8, [0])]).args[0]
        """Stands for the argument, whose size is known last."""
        self._held: dict[int, int] = {}

    def take(self, size: int) -> int:
        """The first byte of a place of so many bytes that is free."""
        rounded = -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        start = 0
        for at, end in sorted(self._held.items()):
            if at - start >= rounded:
                break
            start = end
        self._held[start] = start + rounded
        self.size = max(self.size, start + rounded)
        return start

    def release(self, place: int) -> None:
        """Gives a place back."""
        del self._held[place]
