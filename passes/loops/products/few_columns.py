"""Products of few columns whose rows have their terms side by side: sums in vectors along the terms.

Ten columns as lanes would leave six of sixteen idle, at each term. So the columns are copied one after the other, and

    for each block of rows, in parallel, each few of its rows:
      for each vector of terms: sums[row, column][:] += a[row, terms] * b[column, terms]
      the lanes of the sums of a row are added up to a vector of columns
      what is made of them is stored
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import VectorType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.block_of_result import BlockOfResult, Rows
from pullback.passes.loops.products.few_column_plan import columns_at_once
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.panel_loops import along, on_stack
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, shuffle, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.strided_layout import StridedLayout


@dataclass(frozen=True)
class FewColumns:
    """A block of rows of such a product, of which `block` has the operands: all columns are in one panel of B."""

    block: BlockOfResult

    def lower(self) -> None:
        """A few rows after the other."""
        block, builder, plan = self.block, self.block.builder, self.block.plan
        count, together = plan.terms_in_lanes, columns_at_once(block.b)
        stride = -(-plan.columns.size // count) * count + (count if together < plan.columns.size else 0)
        layout = StridedLayout((plan.rows.width, stride), (stride, 1))
        kept = on_stack(builder, layout, block.element_type, "sums")
        if together < plan.columns.size:
            self._clear(kept)
        zero = builder.index(0)
        columns = block.results.columns(block.root, zero)

        def rows(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            panel = block.rows_of(number)
            for start in range(0, plan.columns.size, together):
                some = range(start, min(start + together, plan.columns.size))
                self._keep(self._sums(panel, some), some, kept)
            block.results.store_kept(kept, (zero, zero), panel, columns)
            return []

        along(builder, plan.rows, block.row, rows)

    def _clear(self, kept: BufferView) -> None:
        """Zeros for what vectors of columns have beyond the last one."""
        block, count = self.block, self.block.plan.terms_in_lanes
        zero = block.builder.number(0, vector_type(block.element_type, count))
        for start in range(0, kept.layout.shape[0] * kept.layout.shape[1], count):
            store_vector(kept, block.builder, Lanes(block.b.lines.last, count), zero, ([], start, 1))

    def _sums(self, rows: Rows, columns: range) -> list[Scalar]:
        """The sums of some rows, in each of them those of some columns."""
        block, builder, plan = self.block, self.block.builder, self.block.plan
        count, terms = plan.terms_in_lanes, block.a.terms
        numbers = [builder.sum_of([(rows[0], 1)], r, "row") for r in range(plan.rows.width)]
        levels = [block.a.line(block.root, at) for at in numbers]

        def added(term: SSAValue, size: int, sums: Sequence[SSAValue]) -> list[SSAValue]:
            a = [block.a.vector_of_terms(level, {terms.last: term}, count, size) for level in levels]
            result: list[list[SSAValue]] = [[] for _ in a]
            for number, column in enumerate(columns):  # each is loaded when it is needed
                b = self._column(column, term, size)
                for row, factor in enumerate(a):
                    result[row].append(multiply_add(factor, b, sums[row * len(columns) + number]))
            return [total for of_row in result for total in of_row]

        zero = builder.number(0, vector_type(block.element_type, count)).value
        full = terms.size // count * count
        zeros = [zero] * (len(levels) * len(columns))
        sums: Sequence[SSAValue] = zeros
        if full:
            sums = builder.loop((0, full, count), "k", zeros, lambda term, sums: added(term, count, sums))
        if full < terms.size:
            sums = added(builder.index(full), terms.size - full, sums)
        return [Scalar(total) for total in sums]

    def _column(self, column: int, term: SSAValue, size: int) -> Scalar:
        """The elements of a column from a term on, of which so many exist."""
        block, builder, count = self.block, self.block.builder, self.block.plan.terms_in_lanes
        packed = block.packed[block.b]
        mask = None if size == count else tail_mask(builder, size, count)
        lines = packed.at(block.root, builder.index(0))
        constant = column * packed.shape.strides[0]
        lanes = Lanes(block.b.terms.last, count, mask)
        return load_vector(packed.view, builder, lanes, [*lines.base, (term, 1)], constant, 1)

    def _keep(self, sums: Sequence[Scalar], columns: range, kept: BufferView) -> None:
        """Stores the sums of each row in some columns side by side; what is behind them comes later, if at all."""
        block, count = self.block, self.block.plan.terms_in_lanes
        lanes, stride = Lanes(block.b.lines.last, count), kept.layout.strides[0]
        for row in range(block.plan.rows.width):
            of_row = sums[row * len(columns) : (row + 1) * len(columns)]
            for number, total in enumerate(sums_of_lanes(of_row)):
                place = row * stride + columns.start + number * count
                store_vector(kept, block.builder, lanes, total, ([], place, 1))


def sums_of_lanes(vectors: Sequence[Scalar]) -> list[Scalar]:
    """The sums of the lanes of each vector, side by side in as few vectors as there must be.

    Halves of two vectors are added at once, then quarters of four. Lanes beyond the last sum are of no use.
    """
    (type_,) = {v.type for v in vectors}
    assert isinstance(type_, VectorType)
    part = count = type_.get_shape()[0]
    sums = [*vectors]
    while part > 1:
        half = part // 2
        low = [at for at in range(2 * count) if at % part < half]
        high = [at + half for at in low]
        pairs = zip(sums[::2], [*sums[1::2], sums[-1]], strict=False)
        sums = [shuffle(a, b, low) + shuffle(a, b, high) for a, b in pairs]
        part = half
    return sums
