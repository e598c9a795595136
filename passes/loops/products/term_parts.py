"""Products of many terms and few results, by parts of the terms: the gradient of a convolution's filters.

    for each part of the images, in parallel:
      totals[part] = 0
      for each image n of the part, and block of rows h of windows:
        for each block of the result:
          sums = 0, in registers
          for each window (h, w) of the block: sums[r, :] += x[n, h + i, w, jc + r] * dy[n, h, w, :]
          totals[part, i, jc + r, :] += sums
    for each row (i, jc) of the result, in parallel:
      df[i, jc, :] = what the kernel makes of the sum of all totals

What a block of terms reads of both factors stays in the cache until all results have its share. How many parts there
are follows from the extents alone, and their totals are added up in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT
from pullback.passes.loops.products.fetch_ahead import FetchAhead
from pullback.passes.loops.products.operand_place import place_in
from pullback.passes.loops.products.part_totals import PartTotals, most_parts
from pullback.passes.loops.products.term_blocks import Block, Sums, TermBlocks
from pullback.passes.loops.products.window_blocks import Start, WindowBlock, WindowBlocks
from pullback.passes.lowering.code_builder import both, index_op, result_of
from pullback.passes.lowering.long_products import BLOCK_BYTES


@dataclass(frozen=True)
class BlockOfTerms:
    """A block of terms, the part that it is of, and whether those in the border of images may be left out."""

    terms: Block
    part: SSAValue
    is_finite: SSAValue | None


class TermParts:
    """Lowers one product, part by part of its terms."""

    def __init__(self, blocks: WindowBlocks) -> None:
        self.blocks, self.kernel, self.builder = blocks, blocks.kernel, blocks.builder
        self.element_type = blocks.product.element_type
        extents, reduce = blocks.extents, self.kernel.space.reduce
        columns = prod(extents[d] for d in (*blocks.batch, blocks.columns))
        longest = max(min(LONG_PRODUCT, 8 * BLOCK_BYTES // (columns * bit_width(self.element_type))), 1)
        self.terms = TermBlocks.of(blocks.terms, reduce, longest)
        if not self.terms.size:
            self.terms = replace(self.terms, size=reduce[0])
        unit = self.terms.size if self.terms.cut == 0 else 1
        units = -(-reduce[0] // unit)
        self.part = -(-units // most_parts(blocks)) * unit
        """The indices along the first dim of terms that a part has."""
        self.parts = -(-reduce[0] // self.part)
        self.totals = PartTotals.of(blocks, self.parts, [*blocks.around, blocks.row], blocks.columns)

    def lower(self) -> None:
        """The totals of all parts, then the results."""
        builder = self.builder
        with builder.entering(builder.block):
            builder.parallel([(0, self.parts, 1)], ["part"], self._part)
            self.totals.store_results()

    # ---- parts ------------------------------------------------------------------------------------------

    def _part(self, part: SSAValue) -> None:
        """The totals of one part."""
        builder, extent, terms = self.builder, self.kernel.space.reduce[0], self.terms
        self.totals.clear(part)
        start = Start(place_in(self.kernel, self.blocks.a), place_in(self.kernel, self.blocks.b), {})
        lower = builder.product(part, self.part, "first")
        upper = self._end(lower, self.part, builder.index(extent))
        step = terms.size if terms.cut == 0 else 1

        def block(block: Block) -> None:
            at = start.moved(block.around)
            body = BlockOfTerms(block, part, self._is_finite(block))
            self.blocks.loops(
                self._fetching(at, block),
                self.blocks.around,
                lambda at: self._panels(at, body),
            )

        def first(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            if terms.cut == 0:
                block(Block({}, index, self._end(index, terms.size, upper)))
            else:
                terms.each_block(builder, {terms.dims[0]: index}, block)
            return []

        builder.loop_between((lower, upper, builder.index(step)), "term", [], first)

    def _fetching(self, at: Start, block: Block) -> Start:
        """Has the loops of a block of terms fetch what the next one reads."""
        blocks, (cut, *inner) = self.blocks, self.terms.dims[self.terms.cut :]
        turns = [blocks.turn(d) for d in (*blocks.around, blocks.columns, blocks.row, *inner[:-1])]
        dims = (*blocks.around, blocks.columns, blocks.row, *inner)
        inside = {cut: self.terms.size, **{d: blocks.extents[d] for d in dims}}
        found = [
            FetchAhead.of(place.moved({cut: block.start}), (cut, self.terms.size), inside, turns)
            for place in (at.a, at.b)
        ]
        return replace(at, ahead=tuple(ahead for ahead in found if ahead is not None))

    def _end(self, start: SSAValue, size: int, most: SSAValue) -> SSAValue:
        end = self.builder.sum_of([(start, 1)], size, "end")
        return result_of(index_op(arith.MinUIOp, end, most), "end")

    def _is_finite(self, block: Block) -> SSAValue | None:
        """Whether terms of a block that are in a border of images may be left out; `None` if there are none."""
        if self.blocks.border is None:
            return None
        one = {d: (i, self.builder.sum_of([(i, 1)], 1, "end")) for d, i in block.around.items()}
        dims = self.terms.dims[self.terms.cut :]
        return self.blocks.is_finite(
            place_in(self.kernel, self.blocks.b), {**one, dims[0]: (block.start, block.end)}
        )

    def _panels(self, at: Start, block: BlockOfTerms) -> None:
        """Adds a block of terms to all columns of some rows, unless all of it is in the border of images."""

        def panels() -> None:
            self.blocks.panels(at, lambda at, sizes: self._rows(at, sizes, block))

        border, builder = self.blocks.border, self.builder
        if border is None or block.is_finite is None or border.terms[0] not in block.terms.around:
            panels()
            return
        number = block.terms.around[border.terms[0]]
        start, end = border.inside(builder, at.indices[border.rows[0]], block.is_finite)
        following = builder.sum_of([(number, 1)], 1, "following")
        inside = both(Scalar(builder.is_from(number, start)), Scalar(builder.is_from(end, following)))
        builder.when(inside.value, panels)

    def _rows(self, at: Start, sizes: Sequence[int], block: BlockOfTerms) -> None:
        whole = self.builder.index(0), self.blocks.blocks.full, self.blocks.blocks.rest
        self.blocks.rows(at, whole, sizes, lambda found: self._add(found, block))

    def _add(self, found: WindowBlock, block: BlockOfTerms) -> None:
        """Adds the sums of a block of terms to the totals of a block of results."""
        zeros, step = self.blocks.zeros(found), self.blocks.step(found)
        within = self.blocks.within(found, block.is_finite)
        sums: Sums = self.terms.block(self.builder, block.terms, zeros, step, found.fetch, within)
        if self.blocks.is_matrix(found):
            self.totals.add_matrix(block.part, found.at.indices, self.blocks.row, Scalar(sums[0]))
            return
        for number, value in enumerate(sums):
            r, v = divmod(number, len(found.sizes))
            steps = {self.blocks.row: r, self.blocks.columns: v * self.blocks.count}
            self.totals.add(block.part, found.at.indices, steps, Scalar(value))
