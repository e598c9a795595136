"""Rows that a table takes up where they were read, in the loops that compute them; `passes.lowering.rows_where_read`.

A row that two indices name has to be read for both before it changes. So indices are counted first, by their last bits:
rows of those that come once are updated as soon as they are computed. The others are listed and counted again, by other
bits; what is still listed is kept when it is computed, and taken up at the end, in order. Two indices that agree in
both are taken for one, which only costs time.

    scf.for %number = …
      %count = memref.load %seen[%i mod 4096]         // 0, 1, or 2 for more
      memref.store %more, %seen[%i mod 4096]
    %listed = scf.for %number = … iter_args(%so_far) {
      %count = memref.load %seen[%i mod 4096]
      memref.store %number, %late[%so_far]            // the next overwrites it, unless the count is more than 1
    }
    …                                                 // the same for those in %late, by other bits
    scf.for %place = … to %listed                     // clears %once for those in %late
    scf.for %r0 = … {
      %once = memref.load %once[%r0]
      scf.for %column = …
        %row = vector.load %table[%i, %column]
        …
        scf.if %once {
          vector.store %new, %table[%i, %column]
        } else {
          vector.store %change, %kept[%r0, %column]
        }
    }
    scf.for %place = … to %listed                     // those in %late

So the iterations of the loop over rows do not depend on each other, and threads may share them. What they read of what
was found before lies side by side; the counts, each in another line of the cache, stay with the thread that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from xdsl.dialects.builtin import i8, i32, i64
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, emit
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.scatter import combination, lower_row
from pullback.passes.loops.vector_access import store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView, index_of, is_in_range
from pullback.passes.lowering.code_builder import both
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.strided_layout import StridedLayout
from pullback.passes.lowering.vector_registers import CACHE_LINE

SLOTS_PER_ROW = 8
"""Of 512 indices some 60 agree in their last bits with others then, wherever they come from, and hardly one in both."""
MOST_SLOTS = 1 << 16
GOLDEN = 0x9E3779B1 - (1 << 32)
"""2**32 over the golden ratio: the first bits of products with it are spread evenly (Knuth, The Art of Computer
Programming, volume 3, section 6.4)."""
LINE = CACHE_LINE // 8
"""Bytes that are filled at once."""

Numbers: TypeAlias = Callable[[SSAValue], SSAValue]
"""Gives the number of a row, for a place among those that are looked at."""
Slots: TypeAlias = Callable[[Scalar], SSAValue]
"""Gives the slot in which an index is counted."""


class RowsWhereRead:
    """The rows that one result takes up."""

    def __init__(self, kernel: KernelFunction, output: Output) -> None:
        self.kernel, self.output, self.builder = kernel, output, kernel.builder
        assert output.row is not None
        assert output.number is not None
        self.row, self.number = output.row, output.number
        (self.dim,) = output.number.dims
        self.count = kernel.space.extents[self.dim]
        self.slots = min(max(1 << (SLOTS_PER_ROW * self.count - 1).bit_length(), LINE), MOST_SLOTS)
        self.seen = kernel.add_scratch(StridedLayout((self.slots,), (1,)), i8, "seen")
        lines = -(-self.count // LINE)
        self.once = kernel.add_scratch(StridedLayout((lines * LINE,), (1,)), i8, "once")
        """For each row whether its index comes once."""
        self.late = kernel.add_scratch(StridedLayout((self.count,), (1,)), i64, "late")
        """The numbers of the rows whose index comes again: their change is kept."""
        self.late_count: SSAValue | None = None
        layout = StridedLayout((self.count, output.row_stride), (output.row_stride, 1))
        self.kept = kernel.add_scratch(layout, output.node.element_type, "kept")
        self.kept_at = output.offset + self.number * output.row_stride
        self.table = kernel.results[output.result]
        self._taken: dict[LoopLevel, SSAValue] = {}

    # ---- before the loops -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Lists the rows whose index comes again; a table that is not updated in place is copied first."""
        self._copy_table()
        everyone = self.builder.index(self.count)
        listed = self._list_repeated(everyone, lambda place: place, self._last_bits)
        self.late_count = self._list_repeated(listed, self._listed, self._other_bits)
        self._fill(self.once, 1)
        self._each_late(lambda number: self.once.store(self.builder, self._mark(0), [(number, 1)], 0))

    def _list_repeated(self, count: SSAValue, number_at: Numbers, slot_of: Slots) -> SSAValue:
        """Lists the rows whose index does not come once, as far as its slot tells, and returns how many these are.

        Args:
            count: how many rows are looked at.
            number_at: the number of the row at a place, of which an earlier list is read before it is overwritten.
            slot_of: the slot of an index.
        """
        builder, zero, one = self.builder, self.builder.index(0), self.builder.index(1)

        def note(place: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            slot = slot_of(self._index(number_at(place)))
            before = self.seen.load(builder, [(slot, 1)], 0)
            now = select(before.equal(0), self._mark(1), self._mark(2))
            self.seen.store(builder, now, [(slot, 1)], 0)
            return []

        def find(place: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            number, (so_far,) = number_at(place), carried
            again = self.seen.load(builder, [(slot_of(self._index(number)), 1)], 0).not_equal(1)
            self.late.store(builder, emit("arith.index_cast", i64, Scalar(number)), [(so_far, 1)], 0)
            return [builder.sum_of([(so_far, 1), (index_of(again.cast(i64)), 1)], 0, "so_far")]

        self._fill(self.seen, 0)
        builder.loop_between((zero, count, one), "number", [], note)
        (found,) = builder.loop_between((zero, count, one), "number", [zero], find)
        return found

    def _fill(self, buffer: BufferView, number: int) -> None:
        """Fills a buffer of bytes, line by line of the cache."""

        def line(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            numbers = self.builder.number(number, vector_type(i8, LINE))
            store_vector(buffer, self.builder, Lanes(-1, LINE), numbers, ([(start, 1)], 0, 1))
            return []

        self.builder.loop((0, buffer.layout.shape[0], LINE), "start", [], line)

    def _mark(self, number: int) -> Scalar:
        return self.builder.number(number, i8)

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
        """Whether the row's index is in range, and comes once; read where the loop over the rows begins."""
        (index,) = here.values([self.row])
        home = here.home(self.row)
        if home not in self._taken:
            with inserting(home.insertion_point):
                once = self.once.load(self.builder, *home.terms(self.number)).not_equal(0)
                self._taken[home] = both(is_in_range(index, self.output.rows), once).value
        return self._taken[home]

    # ---- after the loops --------------------------------------------------------------------------------

    def finish(self) -> None:
        """Takes up the changes that were kept, in the order of their rows."""

        def late(number: SSAValue) -> None:
            level = self._level(number)
            (index,) = level.values([self.row])

            def take() -> None:
                here = level.inside(self.builder.insertion_point, {})
                here.kept[self.output.node] = partial(LoopLevel.load, view=self.kept, offset=self.kept_at)
                lower_row(self.kernel, here, self.output, sorted(self.output.offset.dims), self._combine)

            self.builder.when(is_in_range(index, self.output.rows).value, take)

        self._each_late(late)

    # ---- rows -------------------------------------------------------------------------------------------

    def _each_late(self, body: Callable[[SSAValue], None]) -> None:
        """A loop over the numbers of the rows that are listed in the end."""

        def each(place: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            body(self._listed(place))
            return []

        assert self.late_count is not None
        bounds = self.builder.index(0), self.late_count, self.builder.index(1)
        self.builder.loop_between(bounds, "place", [], each)

    def _level(self, number: SSAValue) -> LoopLevel:
        """The inside of a loop over all rows, or some."""
        return self.kernel.root.inside(self.builder.insertion_point, {self.dim: number})

    def _listed(self, place: SSAValue) -> SSAValue:
        """The number of the row at a place of the list."""
        return index_of(self.late.load(self.builder, [(place, 1)], 0))

    def _index(self, number: SSAValue) -> Scalar:
        """The index that a row has."""
        (index,) = self._level(number).values([self.row])
        return index

    def _last_bits(self, index: Scalar) -> SSAValue:
        return self.builder.remainder(index_of(index), self.slots, "slot")

    def _other_bits(self, index: Scalar) -> SSAValue:
        product = index.cast(i32) * GOLDEN
        kept = 32 - (self.slots.bit_length() - 1)
        return index_of(emit("arith.shrui", i32, product, product.like(kept)).cast(i64))

    def _combine(self, here: LoopLevel, value: Scalar) -> None:
        """Combines elements of the row with those of the table."""
        (index,) = here.values([self.row])
        more = [(index_of(index), self.output.row_stride)]
        before = here.load(self.table, self.output.offset, more)
        here.store(self.table, self.output.offset, combination(self.output)(before, value), more)
