"""What the next iteration of an outer loop reads of an operand, fetched into the second-level cache little by little.

An image, say, comes from far away, and is read many times in its iteration. The first of these times would wait for
each line of the cache, since the processor does not foresee lines beyond a page. So each of the many turns of the
loops inside fetches its share of the next image:

    for each image n:
      for each panel p, each block of rows b, each row i of the window:        the turns
        fetch the lines [(p, b, i) * share, + share) of image n + 1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.products.operand_place import OperandPlace, StoredPlace
from pullback.passes.loops.products.term_blocks import Indices
from pullback.passes.lowering.vector_registers import CACHE_LINE, SECOND_CACHE

MOST_LINES = 32
"""Lines that a turn fetches at most: with more of them on their way, others would have to wait."""
FIRST_LEVEL, SECOND_LEVEL = 3, 2
"""The locality of what is wanted in the first-level cache, and in the second."""

Turn = tuple[int, int, int]
"""A dim of the loops inside an iteration, its extent, and the indices that one turn has of it."""


@dataclass(frozen=True)
class FetchAhead:
    """The part of an operand that the next iteration reads first.

    Args:
        place: the beginning of what this iteration reads.
        first: the elements from there to those of the next iteration that this one does not read.
        span: how many elements these are.
        turns: the loops inside an iteration, outer ones first.
    """

    place: StoredPlace
    first: int
    span: int
    turns: tuple[Turn, ...]

    @staticmethod
    def of(
        place: OperandPlace,
        ahead: tuple[int, int],
        inside: Mapping[int, int],
        turns: Sequence[Turn],
    ) -> FetchAhead | None:
        """What the iteration reads that begins so far on along a dim, or `None` where fetching it is of no use.

        Args:
            place: in the operand, moved to this iteration.
            ahead: the dim of the iterations, and the indices from one to the next.
            inside: the dims that an iteration goes along, and their extents there.
            turns: the loops inside it.
        """
        if not isinstance(place, StoredPlace):
            return None
        steps, (dim, distance) = place.offset.coefficients, ahead
        bits = bit_width(place.view.memory_type)
        far = steps[dim] * distance
        reach = [(extent - 1) * steps[d] for d, extent in inside.items()]
        low, high = sum(min(n, 0) for n in reach), sum(max(n, 0) for n in reach) + 1
        span = min(high - low, abs(far))
        read = prod(extent for d, extent in inside.items() if steps[d])
        count = prod(-(-extent // size) for _, extent, size in turns)
        is_far = prod(place.view.layout.shape) * bits > 8 * SECOND_CACHE
        if not span or not is_far or 2 * read < high - low or span * bits > MOST_LINES * CACHE_LINE * count:
            return None
        first = far + (high - span if far > 0 else low)
        return FetchAhead(place, first, span, tuple(turns))

    def fetch(self, indices: Indices) -> None:
        """Fetches the share of the turn at these indices."""
        builder, view = self.place.builder, self.place.view
        count, line = 1, CACHE_LINE // bit_width(view.memory_type)
        number: list[tuple[SSAValue, int]] = []
        for dim, extent, size in self.turns:
            here = -(-extent // size)
            if here > 1:
                number = [(value, factor * here) for value, factor in number]
                number.append((builder.quotient(indices[dim], size, "turn"), 1))
                count *= here
        share = -(-self.span // count)
        at = builder.sum_of([(value, factor * share) for value, factor in number], 0, "ahead")
        place = self.place.further(((at, 1),), self.first)
        for start in range(0, share, line):
            view.fetch(builder, place.terms, start, SECOND_LEVEL)
