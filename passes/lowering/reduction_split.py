"""Splitting of long reductions: the loop of a rows or columns kernel whose parts run in parallel.

A kernel whose schedule says `split = 8` forms its reductions in eight parts. Each has partial results of its own, in
scratch memory, and these are combined in the order of the parts: so results follow from the schedule, and not from how
many threads there are.

    rows, with totals over many lines      the lines are split
    rows, otherwise                        each line is, and rows that a table takes up are
    columns                                the rows are, which all columns run down
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.line_reductions import LineReductions


@dataclass(frozen=True)
class SplitLoop:
    """The loop that is split: along a dim of R, or over the lines where there is none."""

    dim: int | None


@dataclass(frozen=True)
class LoopParts:
    """Parts of a loop: `count` of them, of `size` iterations each; the last may have fewer."""

    extent: int
    size: int
    count: int

    @staticmethod
    def of(extent: int, count: int, unit: int = 1) -> LoopParts:
        """At most `count` parts, of whole units, without what is left behind the last unit."""
        units = extent // unit
        size = max(-(-units // count), 1) * unit
        return LoopParts(units * unit, size, -(-units * unit // size))

    @property
    def are_even(self) -> bool:
        """Whether the last is as long as the others."""
        return self.extent == self.size * self.count


def split_of(model: KernelModel, parts: int) -> SplitLoop | str:
    """The loop of a rows or columns kernel, its dims merged, that has so many parts; or why there is none."""
    space = model.space
    reductions = LineReductions.of(model.nodes, space.inner)
    totals = [*reductions.across, *reductions.single]
    if space.reduces_leading and space.outer:
        if reductions.across:
            return "there are totals along the rows, too"
    elif totals and prod(space.extents[d] for d in space.outer) >= parts:
        return SplitLoop(None)
    elif not (reductions.along or totals or any(output.base is not None for output in model.outputs)):
        return "nothing is reduced"
    gathered = [node.dims for node in reductions.across]
    for dim in space.inner:
        if space.extents[dim] >= parts and all(dim in dims for dims in gathered):
            return SplitLoop(dim)
    return f"no loop of a reduction has {parts} iterations"
