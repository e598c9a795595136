"""Products that read windows where they lie: convolutions, and whatever has several dims of rows or of terms.

    for each image n, in parallel:
      for each panel of outputs:
        for each row h of windows:
          for each block of windows w along that row:
            sums = 0, in registers
            for each row i of the window:
              for each column and channel jc of it:
                sums[r, :] += x[n, h + i, w + r, jc] * f[i, jc, :]      for each row r of the block
            y[n, h, w + r, :] = what the kernel makes of the sums

So nothing is laid out: along one dim of rows (here w), blocks begin at any of its indices, and their elements are a
constant distance apart. Where the terms are many and the result is small, the loops around are those of `TermParts`.
Where outputs are few, the lanes of vectors are channels (`window_dots`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.fetch_ahead import FetchAhead
from pullback.passes.loops.products.operand_place import OperandPlace, place_in
from pullback.passes.loops.products.packed_panels import Panels
from pullback.passes.loops.products.selected_terms import SelectedTerms
from pullback.passes.loops.products.selection_plan import SelectionPlan
from pullback.passes.loops.products.term_blocks import TermBlocks
from pullback.passes.loops.products.term_parts import TermParts
from pullback.passes.loops.products.whole_matrix import store_matrix
from pullback.passes.loops.products.window_blocks import Start, WindowBlock, WindowBlocks
from pullback.passes.loops.products.window_dots import terms_side_by_side
from pullback.passes.loops.vectors import row_of, sum_across
from pullback.passes.lowering.code_builder import splat
from pullback.passes.lowering.long_products import matrix_has_parts
from pullback.passes.lowering.nodes import Contraction, Load, Node

PACK_ROWS = 32
"""From so many rows on, copying the second factor costs less than reading it with long strides."""
Rows: TypeAlias = tuple[SSAValue, int, int]
"""Some rows along the dim of the blocks: the first, how many are in full blocks, and how many are left."""
RowsBody: TypeAlias = Callable[[Start, Sequence[int], Rows], None]
"""Makes the loops along these dims, and along some rows."""
ENOUGH = 16
"""So many iterations that may run beside each other keep the cores of a machine busy."""


class WindowProduct:
    """Lowers one product, block by block of its result."""

    def __init__(self, blocks: WindowBlocks) -> None:
        self.blocks, self.kernel, self.builder = blocks, blocks.kernel, blocks.builder
        self.extents = blocks.extents
        *extents, last = self.kernel.space.reduce
        self.terms = TermBlocks.of(blocks.terms, (*extents, last // (blocks.term_lanes or 1)))
        self.finite: SSAValue | None = None
        """Whether the terms that are in the border of images may be left out."""

    def lower(self) -> None:
        """Packs the second factor where that pays, and computes the result.

        Where a core's second-level cache has no room for that factor, all rows take one panel of it after the other.
        """
        blocks, builder = self.blocks, self.builder
        with builder.entering(builder.block):
            a, panels = place_in(self.kernel, blocks.a), self._panels_of_second()
            if not blocks.is_far or blocks.term_lanes:
                b = self._second() if panels is None else panels.packed()
                if blocks.border is not None:
                    self.finite = blocks.is_finite(b, {})
                self._all_rows(Start(a, b, {}), (blocks.columns,), self._panels)
                return
            one = None if panels is None else panels.one()

            def panel(at: Start, sizes: Sequence[int]) -> None:
                if panels is not None and one is not None:
                    panels.fill(one, at.indices[blocks.columns], sum(sizes))
                if blocks.border is not None:
                    self.finite = blocks.is_finite(at.b, {}, sum(sizes))
                self._all_rows(at, (), lambda at, inner, rows: self._blocks(at, inner, rows, sizes))

            blocks.panels(Start(a, one or place_in(self.kernel, blocks.b), {}), panel)

    def _all_rows(self, start: Start, columns: Sequence[int], body: RowsBody) -> None:
        """Computes some columns of all rows; `body` has loops along `columns`."""
        blocks, builder, rows = self.blocks, self.builder, self.blocks.blocks
        leading = self._leading()
        inner, zero = blocks.around[len(leading) :], builder.index(0)
        share = self._share_of_rows(leading)
        if not share:
            whole = zero, rows.full, rows.rest

            def iteration(at: Start) -> None:
                body(self._fetching(at, leading, (*columns, *inner)), inner, whole)

            self._parallel(start, leading, iteration)
            return

        def rows_of_share(at: Start) -> None:
            body(at, inner, (at.indices[blocks.row], share, 0))

        self._parallel(start, leading, rows_of_share, share)
        if rows.rest:
            last = builder.index(rows.full), 0, rows.rest
            self._parallel(start, leading, lambda at: body(at, inner, last))

    def _second(self) -> OperandPlace:
        """The second factor where it is, or copied with its terms side by side."""
        blocks = self.blocks
        if not blocks.term_lanes:
            return place_in(self.kernel, blocks.b)
        return terms_side_by_side(self.kernel, blocks.b, blocks.batch, blocks.columns, blocks.terms)

    def _panels_of_second(self) -> Panels | None:
        """The panels of the second factor; none if rows are few: the copy begins with a line of the cache."""
        b, blocks = self.blocks.b, self.blocks
        is_row_major = isinstance(b, Load) and not blocks.is_turned
        rows = prod(self.extents[d] for d in (*blocks.around, blocks.row) if d not in blocks.batch)
        if blocks.term_lanes or (is_row_major and (rows < PACK_ROWS or not blocks.is_large)):
            return None
        dims = blocks.batch, blocks.columns, blocks.terms
        return Panels(self.kernel, b, *dims, blocks.count, blocks.vectors)

    def _leading(self) -> list[int]:
        """The dims whose iterations run beside each other."""
        around, count = self.blocks.around, 0
        while count < len(around) and prod(self.extents[d] for d in around[:count]) < ENOUGH:
            count += 1
        return around[:count]

    def _share_of_rows(self, leading: Sequence[int]) -> int:
        """The rows of an iteration, where those of the dims around are too few; 0 where an iteration has all rows."""
        others = prod(self.extents[d] for d in leading)
        blocks = self.blocks.blocks.full // self.blocks.blocks.rows
        if 2 * others >= ENOUGH or blocks < 2:
            return 0
        most = max(blocks * others // ENOUGH, 1)
        return next(n for n in range(most, 0, -1) if blocks % n == 0) * self.blocks.blocks.rows

    def _parallel(
        self, start: Start, dims: Sequence[int], body: Callable[[Start], None], share: int = 0
    ) -> None:
        """Loops over these dims, and over shares of rows, whose iterations are independent."""
        row = self.blocks.row
        bounds = [(0, self.extents[d], 1) for d in dims]
        along = [*dims]
        if share:
            along.append(row)
            bounds.append((0, self.blocks.blocks.full, share))

        def iteration(*indices: SSAValue) -> None:
            body(start.moved(dict(zip(along, indices, strict=True)), but=row))

        if bounds:
            self.builder.parallel(bounds, [f"i{d}" for d in along], iteration)
        else:
            body(start)

    def _fetching(self, at: Start, leading: Sequence[int], inner: Sequence[int]) -> Start:
        """Has the loops in an iteration fetch what the next one reads of the first factor."""
        blocks = self.blocks
        if not leading:
            return at
        turns = [blocks.turn(d) for d in (*inner, blocks.row, *blocks.terms[:-1])]
        inside = {d: blocks.extents[d] for d in (*inner, blocks.row, *blocks.terms)}
        ahead = FetchAhead.of(at.a, (leading[-1], 1), inside, turns)
        return at if ahead is None else replace(at, ahead=(ahead,))

    def _panels(self, at: Start, inner: Sequence[int], rows: Rows) -> None:
        """All columns of some rows."""
        self.blocks.panels(at, lambda at, sizes: self._blocks(at, inner, rows, sizes))

    def _blocks(self, at: Start, inner: Sequence[int], rows: Rows, sizes: Sequence[int]) -> None:
        """A panel of columns of some rows."""
        self.blocks.loops(at, inner, lambda at: self.blocks.rows(at, rows, sizes, self._block))

    def _block(self, block: WindowBlock) -> None:
        """One block of the result: sums in registers, then what the kernel makes of them."""
        blocks = self.blocks
        step, within = blocks.step(block), blocks.within(block, self.finite)
        sums = self.terms.sums(self.builder, blocks.zeros(block), step, block.fetch, within)
        if blocks.is_matrix(block):
            self._store_matrix(block, sums[0])
            return
        left = iter(sums)
        for r in range(block.rows):
            for v, size in enumerate(block.sizes):
                value = splat(sum_across(next(left)), 1) if blocks.term_lanes else next(left)
                self._store(blocks.result(block.at.indices, r, v, size), value)

    def _store_matrix(self, block: WindowBlock, sums: Scalar) -> None:
        """Stores what the kernel makes of a matrix of sums: the matrix itself, or row by row."""
        blocks, size, registers = self.blocks, sum(block.sizes), len(block.sizes)
        level = blocks.result(block.at.indices, 0, 0, size, registers)
        if store_matrix(self.kernel, blocks.product, (blocks.row, blocks.columns), level, sums):
            return
        for r in range(block.rows):
            self._store(blocks.result(block.at.indices, r, 0, size, registers), row_of(sums, r))

    def _store(self, level: LoopLevel, sums: Scalar) -> None:
        level.known[self.blocks.product] = sums
        level.store_outputs(self.kernel.outputs, self.kernel.results)


def lower_windows(kernel: KernelFunction) -> None:
    """Lowers a product of several dims of rows or of terms, by blocks of its result or by parts of its terms."""
    blocks = WindowBlocks(kernel)
    if (plan := SelectionPlan.of(blocks)) is not None:
        SelectedTerms(plan).lower()
    elif blocks.is_of_parts:
        TermParts(blocks).lower()
    else:
        WindowProduct(blocks).lower()


def reads_windows(kernel: KernelFunction) -> bool:
    """Tells whether a product has several dims of rows or of terms, once those are merged that can be."""
    return len(_rows(kernel)) > 1 or len(kernel.space.inner) > 1


def is_long_product(kernel: KernelFunction) -> bool:
    """Tells whether a product of two matrices is computed by parts of its terms, like the gradient of filters."""
    (a, b), (row, *_), columns = _product(kernel).operands, _rows(kernel), kernel.space.outer[-1]
    if len(kernel.space.outer) != 2 or not (_is_along(a, row) and _is_along(b, columns)):
        return False
    rows, width = kernel.space.parallel
    size = bit_width(_product(kernel).element_type) // 8
    return matrix_has_parts(rows, width, kernel.space.reduce[0], size)


def _product(kernel: KernelFunction) -> Contraction:
    (product,) = (n for n in kernel.nodes if isinstance(n, Contraction))
    return product


def _rows(kernel: KernelFunction) -> list[int]:
    return [d for d in kernel.space.outer[:-1] if d not in _product(kernel).operands[1].dims]


def _is_along(factor: Node, dim: int) -> bool:
    """Whether neighbours along a dim are neighbours in memory."""
    return isinstance(factor, Load) and factor.is_plain and factor.offset.coefficients[dim] == 1
