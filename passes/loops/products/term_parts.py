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
from xdsl.dialects.builtin import VectorType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine, row_major_strides
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT, TOTALS
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.fetch_ahead import FetchAhead
from pullback.passes.loops.products.operand_place import place_in
from pullback.passes.loops.products.term_blocks import Block, Sums, TermBlocks
from pullback.passes.loops.products.window_blocks import Start, WindowBlock, WindowBlocks
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, both, index_op, result_of
from pullback.passes.lowering.long_products import BLOCK_BYTES
from pullback.passes.lowering.strided_layout import StridedLayout

MOST_PARTS = 16
FEW_PARTS = 4
PARTS_BYTES = 2**22
"""The totals of all parts, where that does not leave fewer than `FEW_PARTS`: they are cleared, and added up."""


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
        self.wide = TOTALS.get(self.element_type, self.element_type)
        extents, reduce = blocks.extents, self.kernel.space.reduce
        columns = prod(extents[d] for d in (*blocks.batch, blocks.columns))
        longest = max(min(LONG_PRODUCT, 8 * BLOCK_BYTES // (columns * bit_width(self.element_type))), 1)
        self.terms = TermBlocks.of(blocks.terms, reduce, longest)
        if not self.terms.size:
            self.terms = replace(self.terms, size=reduce[0])
        unit = self.terms.size if self.terms.cut == 0 else 1
        units = -(-reduce[0] // unit)
        size = bit_width(self.wide) // 8 * prod(extents[d] for d in self.kernel.space.outer)
        most = min(max(PARTS_BYTES // max(size, 1), FEW_PARTS), MOST_PARTS)
        self.part = -(-units // most) * unit
        """The indices along the first dim of terms that a part has."""
        self.parts = -(-reduce[0] // self.part)
        self.totals, self.strides = self._totals()

    def _totals(self) -> tuple[BufferView, Affine]:
        """Scratch memory for the results of each part, and the strides of the results in it."""
        blocks, extents = self.blocks, self.blocks.extents
        width = -(-extents[blocks.columns] // blocks.count) * blocks.count
        dims = [*blocks.around, blocks.row, blocks.columns]
        shape = [self.parts, *(extents[d] for d in dims[:-1]), width]
        strides = dict(zip([self.blocks.terms[0], *dims], row_major_strides(shape), strict=True))
        view = self.kernel.add_scratch(StridedLayout((prod(shape),), (1,)), self.wide)
        return view, Affine(tuple(strides.get(d, 0) for d in range(self.kernel.space.rank)))

    def lower(self) -> None:
        """The totals of all parts, then the results."""
        builder = self.builder
        with builder.entering(builder.block):
            builder.parallel([(0, self.parts, 1)], ["part"], self._part)
            self._results()

    # ---- parts ------------------------------------------------------------------------------------------

    def _part(self, part: SSAValue) -> None:
        """The totals of one part."""
        builder, extent, terms = self.builder, self.kernel.space.reduce[0], self.terms
        self._clear(part)
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

    def _clear(self, part: SSAValue) -> None:
        size, count = self.strides.coefficients[self.terms.dims[0]], self.blocks.count
        zero = self.builder.number(0, vector_type(self.wide, count))

        def clear(at: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._store([(part, size), (at, 1)], 0, zero)
            return []

        self.builder.loop((0, size, count), "at", [], clear)

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
        zero = self.builder.number(0, vector_type(self.element_type, self.blocks.count))
        zeros = [zero.value] * (found.rows * len(found.sizes))
        step, within = self.blocks.step(found), self.blocks.within(found, block.is_finite)
        sums: Sums = self.terms.block(self.builder, block.terms, zeros, step, found.fetch, within)
        first = self._terms({**found.at.indices, self.terms.dims[0]: block.part})
        for number, value in enumerate(sums):
            r, v = divmod(number, len(found.sizes))
            further = r * self.strides.coefficients[self.blocks.row] + v * self.blocks.count
            total = self._load(first, further) + Scalar(value).cast(self.wide)
            self._store(first, further, total)

    # ---- results ----------------------------------------------------------------------------------------

    def _results(self) -> None:
        """Adds up the parts, and stores what the kernel makes of the sums."""
        blocks = self.blocks
        dims = [*blocks.around, blocks.row]

        def row(*indices: SSAValue) -> None:
            at = dict(zip(dims, indices, strict=True))
            full = blocks.extents[blocks.columns] // blocks.count * blocks.count

            def column(column: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._result({**at, blocks.columns: column}, blocks.count)
                return []

            if full:
                self.builder.loop((0, full, blocks.count), "column", [], column)
            if rest := blocks.extents[blocks.columns] - full:
                self._result({**at, blocks.columns: self.builder.index(full)}, rest)

        bounds = [(0, blocks.extents[d], 1) for d in dims]
        self.builder.parallel(bounds, [f"i{d}" for d in dims], row)

    def _result(self, at: dict[int, SSAValue], size: int) -> None:
        first, step = self._terms(at), self.strides.coefficients[self.terms.dims[0]]

        def add(part: SSAValue, so_far: Sums) -> list[SSAValue]:
            return [(Scalar(so_far[0]) + self._load([*first, (part, step)], 0)).value]

        zero = self.builder.number(0, vector_type(self.wide, self.blocks.count)).value
        (total,) = self.builder.loop((0, self.parts, 1), "part", [zero], add)
        level = self.blocks.result(at, 0, 0, size)
        level.known[self.blocks.product] = Scalar(total).cast(self.element_type)
        level.store_outputs(self.kernel.outputs, self.kernel.results)

    # ---- memory -----------------------------------------------------------------------------------------

    def _terms(self, indices: dict[int, SSAValue]) -> list[Term]:
        """The offset of a total, as one index."""
        steps = self.strides.coefficients
        at = self.builder.sum_of([(index, steps[d]) for d, index in indices.items() if steps[d]], 0)
        return [(at, 1)]

    @property
    def _lanes(self) -> Lanes:
        return Lanes(self.blocks.columns, self.blocks.count)

    def _load(self, first: Sequence[Term], further: int) -> Scalar:
        return load_vector(self.totals, self.builder, self._lanes, first, further, 1)

    def _store(self, first: Sequence[Term], further: int, value: Scalar) -> None:
        assert isinstance(value.type, VectorType)
        store_vector(self.totals, self.builder, self._lanes, value, (first, further, 1))
