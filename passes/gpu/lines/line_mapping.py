"""Mappings of lines to threads: how many threads, blocks and parts, and what these leave of totals over lines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Attribute

from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.nodes import Reduce

USUAL_THREADS = 512
"""The most threads of a block where the schedule leaves them open."""
FEW_ELEMENTS = 1 << 18
"""Up to so many elements, lines are not split: a second kernel takes longer than the first."""
ELEMENTS_OF_PART = 8192
"""About so many elements has the part of a line that is split, so that a large device is busy."""
MOST_PARTS = 1024
"""The most parts of all lines together, so that what the second kernel reads is little."""


@dataclass(frozen=True)
class Gathering:
    """The layout of what lines leave for totals across them: `count` partial lines."""

    count: int
    stride: int
    """The distance of the elements of one partial line after another, for the same point."""
    point_stride: int
    """The distance of the elements of one point after another, in the same partial line."""


class LineMapping(ABC):
    """How lines are shared among threads."""

    split: int = 1

    @property
    @abstractmethod
    def threads(self) -> int:
        """The threads of a block."""

    @property
    @abstractmethod
    def cells(self) -> int:
        """The cells in shared memory that a reduction takes."""

    @abstractmethod
    def blocks(self, lines: int) -> int:
        """The blocks for so many lines, each for one part of them where they are split."""

    @abstractmethod
    def single_partials(self, lines: int) -> int:
        """The number of terms that are left for a total over all lines."""

    @abstractmethod
    def gathering(self, lines: int, points: int) -> Gathering:
        """The layout of what is left for totals across lines of so many points."""

    def partial_type(self, combination: Combination) -> Attribute:
        """The type of what is left for a total across lines."""
        return combination.element_type

    def shared_bytes(self, reductions: Sequence[Reduce]) -> int:
        """The least shared memory that a block needs for these reductions: that for one of each type."""
        if not self.cells:
            return 0
        return sum(bytes_of(MemRefType(t, [self.cells])) for t in types_of(reductions))


def parts_of(lines: int, points: int, blocks: int) -> int:
    """In how many parts each line is split by default, where so many blocks are busy without."""
    elements = lines * points
    if elements <= FEW_ELEMENTS or blocks >= MOST_PARTS:
        return 1
    return -(-min(MOST_PARTS, elements // ELEMENTS_OF_PART) // blocks)


def power_from(number: int) -> int:
    """The least power of two that is not below a number."""
    return 1 << max(number - 1, 0).bit_length()


def power_to(number: int) -> int:
    """The largest power of two that is not above a number, or 1."""
    return 1 << max(number.bit_length() - 1, 0)


def types_of(nodes: Iterable[Reduce]) -> frozenset[Attribute]:
    """The types of reductions."""
    return frozenset(node.element_type for node in nodes)
