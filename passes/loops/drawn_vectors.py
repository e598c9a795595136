"""Random numbers in vectors: each block of the generator is computed once, for all vectors that its numbers are in.

Of random numbers of f32, in vectors of 16, those at %i to %i + 63 are made of the words of 16 blocks: the first words
are a vector, the second ones the next, and so on.

    scf.parallel (%i) = (%c0) to (%c1000000) step (%c64) {
      …the blocks %i / 4 to %i / 4 + 15: %words, %words_1, %words_2, %words_3 : vector<16xi32>
      vector.store …, %y[%i]
      vector.store …, %y[%i + 16]
      vector.store …, %y[%i + 32]
      vector.store …, %y[%i + 48]
    }

Elsewhere (along other dims, in rows of 100) each element computes its block, and takes one of its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import i64

from pullback.dialects.graph.creation.philox import down
from pullback.dialects.graph.creation.random import ROW, Random
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.vector_access import lane_steps
from pullback.passes.lowering.code_builder import located, splat
from pullback.passes.lowering.nodes import Compute, Coordinate, Output, cone

MOST_REPEATED = 32
"""The most operations beside draws that are repeated for each vector of a block."""


def vectors_of_draws(outputs: Sequence[Output], lane: int, lanes: int) -> DrawnVectors | None:
    """The draws behind outputs, where all numbers of their blocks are side by side along the lanes' dim."""
    computed = [node for node in cone([output.node for output in outputs]) if isinstance(node, Compute)]
    draws = DrawnVectors([node for node in computed if isinstance(node.op, Random)], lanes)
    if not draws.nodes or not 1 < lanes <= ROW or len(computed) - len(draws.nodes) > MOST_REPEATED:
        return None
    return draws if all(draws.begin_together(node, lane) for node in draws.nodes) else None


@dataclass(frozen=True)
class DrawnVectors:
    """DrawnVectors of which as many elements as fill rows of blocks are computed at once, in vectors of `lanes`."""

    nodes: Sequence[Compute]
    lanes: int

    @property
    def size(self) -> int:
        """The elements that are computed at once."""
        return max(map(elements_of_row, self.nodes))

    def begin_together(self, node: Compute, lane: int) -> bool:
        """Tells whether a row of blocks begins wherever these elements do."""
        number = number_of(node).number
        assert isinstance(node.op, Random)
        others = [node.op.row_size, *(c for dim, c in enumerate(number.coefficients) if dim != lane)]
        return number.coefficients[lane] == 1 and not any(n % self.size for n in (*others, number.constant))

    def beginning(self) -> Callable[[LoopLevel, int], None]:
        """Begins the elements of an iteration: gives what makes the numbers known at the level of its n-th vector."""
        rows = [DrawnRows(node, self.lanes) for node in self.nodes]

        def make_known(level: LoopLevel, number: int) -> None:
            for drawn in rows:
                level.known[drawn.node] = drawn.vector(level, number)

        return make_known


@dataclass(frozen=True)
class DrawnRows:
    """The numbers of a draw in one iteration, which begins with a row of blocks."""

    node: Compute
    lanes: int
    _known: dict[int, list[Scalar]] = field(default_factory=dict[int, "list[Scalar]"])

    def vector(self, level: LoopLevel, number: int) -> Scalar:
        """The n-th vector of the iteration, which begins at the index of the level."""
        row, element = divmod(number * self.lanes, elements_of_row(self.node))
        which, first = divmod(element, ROW)
        block = row * ROW + first
        if block not in self._known:
            self._known[block] = self._numbers(level, number * self.lanes, block)
        return self._known[block][which]

    def _numbers(self, level: LoopLevel, behind: int, block: int) -> list[Scalar]:
        """All numbers of blocks from one of the iteration on, which begins so many elements before the level does."""
        op, (key, upper, *first_row, _) = self.node.op, self.node.operands
        assert isinstance(op, Random)
        words = level.vector(key), level.vector(upper)
        level.values(first_row)
        steps = Scalar(lane_steps(level.builder, self.lanes, 1))
        with inserting(level.insertion_point):
            number = level.first_number(number_of(self.node), i64) - behind
            for row in first_row:
                number = number + op.behind(level.operand(row))
            first = down(number, op.numbers_of_block.bit_length() - 1)
            made = op.of_block(*words, splat(first + block, self.lanes) + steps.cast(i64))
            return [located(drawn.cast(self.node.element_type), op.location) for drawn in made]


def number_of(draw: Compute) -> Coordinate:
    """The row-major number of the element that a draw is of."""
    number = draw.operands[-1]
    assert isinstance(number, Coordinate)
    return number


def elements_of_row(draw: Compute) -> int:
    """The elements that a row of blocks makes."""
    assert isinstance(draw.op, Random)
    return ROW * draw.op.numbers_of_block
