"""Rows that a table takes up where they were read, in the loops that compute them; `passes.lowering.rows_where_read`.

A row that two indices name has to be read for both before it changes. So the indices are counted first, by their last
bits; rows of those that come once are updated as soon as they are computed, and those of others kept, to be taken up at
the end, in order. Two indices with the same last bits are taken for one, which only costs time.

    scf.for %slice = …
      %count = memref.load %seen[%i mod 8192]         // 0, 1, or 2 for more
      memref.store %more, %seen[%i mod 8192]
    scf.for %r0 = … {
      %count = memref.load %seen[%i mod 8192]
      %once = arith.cmpi eq, %count, 1
      scf.for %column = …
        %row = vector.load %table[%i, %column]
        …
        scf.if %once {
          vector.store %new, %table[%i, %column]
        } else {
          vector.store %change, %kept[%r0, %column]
        }
    }
    scf.for %slice = …                                // those that were kept

So the iterations of the second loop do not depend on each other, and threads may share them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from xdsl.dialects.builtin import i8
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.scatter import combination, lower_row
from pullback.passes.loops.vector_access import store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import index_of, is_in_range
from pullback.passes.lowering.code_builder import both
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.strided_layout import StridedLayout

SLOTS_PER_ROW = 16
"""Of 512 indices some 30 are taken for others then, wherever they come from."""
MOST_SLOTS = 1 << 16
CLEARED = 64
"""Slots that are cleared at once: a line of the cache."""


class RowsWhereRead:
    """The rows that one result takes up."""

    def __init__(self, kernel: KernelFunction, output: Output) -> None:
        self.kernel, self.output, self.builder = kernel, output, kernel.builder
        assert output.row is not None
        assert output.number is not None
        self.row, self.number = output.row, output.number
        (self.dim,) = output.number.dims
        self.count = kernel.space.extents[self.dim]
        self.slots = min(max(1 << (SLOTS_PER_ROW * self.count - 1).bit_length(), CLEARED), MOST_SLOTS)
        self.seen = kernel.add_scratch(StridedLayout((self.slots,), (1,)), i8, "seen")
        layout = StridedLayout((self.count, output.row_stride), (output.row_stride, 1))
        self.kept = kernel.add_scratch(layout, output.node.element_type, "kept")
        self.kept_at = output.offset + self.number * output.row_stride
        self.table = kernel.results[output.result]
        self._once: dict[LoopLevel, SSAValue] = {}

    # ---- before the loops -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Counts the indices; a table that is not updated in place is copied first."""
        self._copy_table()

        def clear(slot: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            zeros = self.builder.number(0, vector_type(i8, CLEARED))
            store_vector(self.seen, self.builder, Lanes(-1, CLEARED), zeros, ([(slot, 1)], 0, 1))
            return []

        self.builder.loop((0, self.slots, CLEARED), "slot", [], clear)

        def count(level: LoopLevel) -> None:
            slot = self._slot(level)
            before = self.seen.load(self.builder, [(slot, 1)], 0)
            one, more = (self.builder.number(number, i8) for number in (1, 2))
            now = select(before.equal(self.builder.number(0, i8)), one, more)
            self.seen.store(self.builder, now, [(slot, 1)], 0)

        self._each_row(count)

    def _copy_table(self) -> None:
        signature, base = self.kernel.signature, self.output.base
        assert base is not None
        if signature.inputs[base] == signature.outputs[self.output.result]:
            return
        source, stride = self.kernel.root.inputs[base], self.output.row_stride

        def element(row: SSAValue, column: SSAValue) -> None:
            terms = [(row, stride), (column, 1)]
            self.table.store(self.builder, source.load(self.builder, terms, 0), terms, 0)

        self.builder.parallel([(0, self.output.rows, 1), (0, stride, 1)], ["row", "column"], element)

    # ---- in the loops -----------------------------------------------------------------------------------

    def take_up(self, here: LoopLevel) -> None:
        """Updates one element of the table, or a vector of them; or keeps the change."""
        output = self.output
        here.values([output.node])
        value = here.operand(output.node, as_vector=bool(here.stride(output.offset)))
        once = self._comes_once(here)

        def update() -> None:
            self._combine(here.inside(self.builder.insertion_point, {}), value)

        def keep() -> None:
            here.inside(self.builder.insertion_point, {}).store(self.kept, self.kept_at, value)

        with inserting(here.insertion_point):
            self.builder.when(once, update, keep)

    def _comes_once(self, here: LoopLevel) -> SSAValue:
        """Whether the row's index is in range, and comes once; found where the loop over the rows begins."""
        here.values([self.row])
        home = here.home(self.row)
        if home not in self._once:
            with inserting(home.insertion_point):
                self._once[home] = self._counted(home, 1)
        return self._once[home]

    # ---- after the loops --------------------------------------------------------------------------------

    def finish(self) -> None:
        """Takes up the changes that were kept, in the order of their rows."""

        def late(level: LoopLevel) -> None:
            def take() -> None:
                around = level.inside(self.builder.insertion_point, {})
                around.kept[self.output.node] = partial(LoopLevel.load, view=self.kept, offset=self.kept_at)
                dims = sorted(self.output.offset.dims)
                lower_row(self.kernel, around, self.output, dims, self._combine)

            self.builder.when(self._counted(level, 2), take)

        self._each_row(late)

    # ---- rows -------------------------------------------------------------------------------------------

    def _each_row(self, body: Callable[[LoopLevel], None]) -> None:
        def once(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            body(self.kernel.root.inside(self.builder.insertion_point, {self.dim: number}))
            return []

        self.builder.loop((0, self.count, 1), "slice", [], once)

    def _slot(self, level: LoopLevel) -> SSAValue:
        (index,) = level.values([self.row])
        return self.builder.remainder(index_of(index), self.slots, "slot")

    def _counted(self, level: LoopLevel, times: int) -> SSAValue:
        """Whether the row's index is in range, and was counted so often."""
        found = self.seen.load(self.builder, [(self._slot(level), 1)], 0)
        (index,) = level.values([self.row])
        return both(is_in_range(index, self.output.rows), found.equal(self.builder.number(times, i8))).value

    def _combine(self, here: LoopLevel, value: Scalar) -> None:
        """Combines elements of the row with those of the table."""
        (index,) = here.values([self.row])
        more = [(index_of(index), self.output.row_stride)]
        before = here.load(self.table, self.output.offset, more)
        here.store(self.table, self.output.offset, combination(self.output)(before, value), more)
