"""The plan of a product whose second factor is other than 0 at one term of each block; see `SelectedTerms`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

from xdsl.dialects.builtin import f32, f64, i32
from xdsl.ir import Attribute

from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT
from pullback.passes.loops.products.part_totals import most_parts
from pullback.passes.loops.products.window_blocks import WindowBlocks
from pullback.passes.lowering.long_products import SIZE_OF_TOTAL, TOTAL_BYTES
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.register_blocks import LATENCY
from pullback.passes.lowering.vector_registers import CACHE_LINE, evenly, register_count

OTHER_REGISTERS = 4
"""Registers beside the sums: the selected element, and what is read."""
ENOUGH_BLOCKS = 32
"""Blocks whose terms are added up at once, if a row has no more: what they read is in the first-level cache. To add to
totals takes as long as some of them."""
SELECTED_BYTES = 2**17
"""The memory on the stack for what is selected."""
SLOWER = 2
"""How much longer a product takes than by blocks of the result, at most: each needs a vector of its own from memory."""


@dataclass(frozen=True)
class SelectionPlan:
    """The dims of such a product, what is added up at once, and what is in registers.

    Args:
        a: the first factor, whose neighbours along `row` are the lanes of vectors.
        b: the second factor.
        row: a dim of rows of the result.
    """

    blocks: WindowBlocks
    a: Load
    b: Load
    row: int

    @staticmethod
    def of(blocks: WindowBlocks) -> SelectionPlan | None:
        """The plan, if a product has such a factor, and few results, and takes less time so."""
        node = blocks.product
        if not node.one_in or node.element_type not in (f32, f64) or blocks.batch:
            return None
        a, b = node.operands
        if not (isinstance(a, Load) and a.is_plain and isinstance(b, Load) and b.is_plain):
            return None
        is_forward = all(c >= 0 for c in (*a.offset.coefficients, *b.offset.coefficients))
        is_one_run = len(blocks.kernel.root.inputs[a.argument].layout.shape) == 1
        lanes = [d for d in (*blocks.around, blocks.row) if a.offset.coefficients[d] == 1]
        if not (is_forward and is_one_run and lanes) or b.offset.coefficients[blocks.columns] != 1:
            return None
        plan = SelectionPlan(blocks, a, b, max(lanes, key=lambda d: blocks.extents[d]))
        return plan if plan._pays else None

    @property
    def _pays(self) -> bool:
        blocks, extents, columns = self.blocks, self.blocks.extents, self.blocks.extents[self.blocks.columns]
        few = SIZE_OF_TOTAL * prod(extents[d] for d in blocks.kernel.space.outer) <= TOTAL_BYTES
        has_room = self.count_of_blocks(self.inside) <= self._room
        others, panels = prod(extents[d] for d in self.looped), self.vectors * blocks.count
        sums = self.vectors * prod(extents[d] for d in self.together)
        vectors = others * -(-extents[self.row] // panels) * max(sums, LATENCY) * columns
        rows = prod(extents[d] for d in (*self.others, self.row))
        by_blocks = prod(self.one_in.values()) * rows * -(-columns // blocks.count)
        return few and has_room and SLOWER * vectors < by_blocks

    # ---- dims -------------------------------------------------------------------------------------------

    @property
    def one_in(self) -> Mapping[int, int]:
        """The extents of blocks of terms along some dims."""
        return self.blocks.product.one_in

    @property
    def element_type(self) -> Attribute:
        return self.blocks.product.element_type

    @cached_property
    def others(self) -> list[int]:
        """The dims of rows that are no lanes."""
        return [d for d in (*self.blocks.around, self.blocks.row) if d != self.row]

    @property
    def _first(self) -> int:
        return next(n for n, d in enumerate(self.blocks.terms) if d in self.one_in)

    @property
    def outside(self) -> Sequence[int]:
        """The dims of terms before those that are in blocks."""
        return self.blocks.terms[: self._first]

    @property
    def cut(self) -> int:
        """The first dim of terms that is in blocks: `along` of them are added up at once."""
        return self.blocks.terms[self._first]

    @property
    def inside(self) -> Sequence[int]:
        """The dims of terms after that."""
        return self.blocks.terms[self._first + 1 :]

    def extent(self, dim: int) -> int:
        """The terms of a block along a dim."""
        return self.one_in.get(dim, 1)

    def count_of_blocks(self, dims: Sequence[int]) -> int:
        """How many blocks of terms there are along some dims."""
        return prod(self.blocks.extents[d] // self.extent(d) for d in dims)

    @property
    def places(self) -> list[dict[int, int]]:
        """The terms of a block, as steps from its first one."""
        ranges = map(range, self.one_in.values())
        return [dict(zip(self.one_in, steps, strict=True)) for steps in product(*ranges)]

    def distance(self, steps: Mapping[int, int]) -> int:
        """How far so many steps of terms lead in the first factor, in elements."""
        return sum(self.a.offset.coefficients[d] * n for d, n in steps.items())

    # ---- sizes ------------------------------------------------------------------------------------------

    @cached_property
    def width(self) -> int:
        """The elements of a row of what is selected: an odd number of cache lines, so that columns are in all sets."""
        together = CACHE_LINE // bit_width(self.element_type)
        return (-(-self.blocks.extents[self.blocks.columns] // together) | 1) * together

    @property
    def _room(self) -> int:
        """How many blocks have room for what is selected."""
        return 8 * SELECTED_BYTES // (self.width * (bit_width(self.element_type) + bit_width(i32)))

    @cached_property
    def along(self) -> int:
        """How many blocks along the dim that is cut, a divisor of all of them, are added up at once."""
        most = min(ENOUGH_BLOCKS, LONG_PRODUCT, self._room) // max(self.count_of_blocks(self.inside), 1)
        all_ = self.count_of_blocks([self.cut])
        return next(n for n in range(max(min(most, all_), 1), 0, -1) if all_ % n == 0)

    def step(self, dim: int) -> int:
        """The step of a loop along a dim of terms."""
        return self.along * self.extent(dim) if dim == self.cut else 1

    @cached_property
    def part(self) -> int:
        """The indices along the first dim of terms that a part has."""
        first = self.blocks.terms[0]
        units = -(-self.blocks.extents[first] // self.step(first))
        return -(-units // most_parts(self.blocks)) * self.step(first)

    @property
    def parts(self) -> int:
        """How many parts there are, which follows from the extents alone."""
        return -(-self.blocks.extents[self.blocks.terms[0]] // self.part)

    # ---- registers --------------------------------------------------------------------------------------

    @cached_property
    def looped(self) -> list[int]:
        """The dims of rows that are looped over; the others are in registers together."""
        extents, looped = self.blocks.extents, list(self.others)
        while looped and prod(extents[d] for d in self.others if d not in looped[:-1]) <= self._most_sums:
            looped.pop()
        return looped

    @property
    def together(self) -> list[int]:
        """The dims of rows whose sums are in registers together."""
        return [d for d in self.others if d not in self.looped]

    @cached_property
    def vectors(self) -> int:
        """The vectors along the lanes that are in registers at once."""
        most = self._most_sums // prod(self.blocks.extents[d] for d in self.together)
        return evenly(-(-self.blocks.extents[self.row] // self.blocks.count), max(most, 1))

    @property
    def _most_sums(self) -> int:
        return register_count(self.blocks.kernel.vector_bits) - OTHER_REGISTERS
