"""The division of an axis of a product's result: lines into panels, and panels into blocks."""

from __future__ import annotations

from dataclasses import dataclass

from pullback.passes.lowering.vector_registers import evenly


@dataclass(frozen=True)
class Blocking:
    """The division of one axis of the result: lines into panels of `width`, panels into blocks of `step`."""

    size: int
    width: int
    step: int

    @property
    def panels(self) -> int:
        return -(-self.size // self.width)

    @property
    def blocks(self) -> int:
        return -(-self.panels // self.step)

    @property
    def has_edge(self) -> bool:
        """Tells whether the last panel has lines that do not exist."""
        return self.size % self.width != 0

    def halved(self) -> Blocking:
        """Blocks of half as many panels."""
        return Blocking(self.size, self.width, -(-self.step // 2))

    def divided(self, blocks: int) -> Blocking:
        """So many blocks, as equal as can be."""
        return Blocking(self.size, self.width, -(-self.panels // blocks))


def blocked(size: int, width: int, most: int) -> Blocking:
    """Blocks of at most so many lines, as equal as can be."""
    panels = max(-(-size // width), 1)
    return Blocking(size, width, evenly(panels, max(most // width, 1)))
