"""Rows that a table takes up where they were read, in the loops that compute them; `passes.lowering.rows_where_read`.

A row that two indices name has to be read for both before it changes. So rows whose index comes once are found first,
and updated as soon as they are computed; others are kept when they are computed, and taken up at the end, in order.
Each row leaves its number in the slot of its index's last bits, and those that do not find it there again are listed;
these do the same in slots of other bits. So two indices that agree in both are taken for one, which only costs time.

    scf.for %number = …
      memref.store %number, %last[%i mod 4096]
    %listed = scf.for %number = … iter_args(%so_far) {
      %found = memref.load %last[%i mod 4096]
      memref.store %number, %list[%so_far]            // the next overwrites it, if %found is %number
    }
    …                                                 // those in %list leave their numbers by other bits
    scf.for %place = … to %listed
      …                                               // clears %once for those that share an index
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
    scf.for %number = …                               // those that were kept

So the iterations of the loop over rows do not depend on each other, and threads may share them. What they read of what
was found before lies side by side; slots, each in another line of the cache, stay with the thread that looks into them.
They need not be cleared: each that is read was written before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from xdsl.dialects.builtin import i8, i16, i32, i64
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, emit
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.scatter import combination, lower_row
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, any_lane
from pullback.passes.lowering.buffer_view import BufferView, index_of, is_in_range
from pullback.passes.lowering.code_builder import both
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.strided_layout import StridedLayout
from pullback.passes.lowering.vector_registers import CACHE_LINE

SLOTS_PER_ROW = 8
"""Of 512 indices some 30 are overwritten by others then, wherever they come from, and hardly one in both slots."""
MOST_SLOTS = 1 << 16
GOLDEN = 0x9E3779B1 - (1 << 32)
"""2**32 over the golden ratio: the first bits of products with it are spread evenly (Knuth, The Art of Computer
Programming, volume 3, section 6.4)."""
LINE = CACHE_LINE // 8
"""Bytes that are filled, and looked at, together."""
SHORT = 1 << 15
"""Rows, at most, whose numbers have 16 bits."""


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
        numbers = i16 if self.count <= SHORT else i32
        slots = StridedLayout((self.slots,), (1,))
        self.last = kernel.add_scratch(slots, numbers, "last")
        """For the last bits of an index the number of the last row that has them."""
        self.last_listed = kernel.add_scratch(slots, numbers, "last_listed")
        """The same for other bits, of rows that are listed."""
        self.listed = kernel.add_scratch(StridedLayout((self.count,), (1,)), numbers, "listed")
        """The numbers of rows that were overwritten in `last`."""
        lines = self.count // LINE + 1
        self.once = kernel.add_scratch(StridedLayout((lines * LINE,), (1,)), i8, "once")
        """For each row whether its index comes once; what is behind the last row stands for none."""
        layout = StridedLayout((self.count, output.row_stride), (output.row_stride, 1))
        self.kept = kernel.add_scratch(layout, output.node.element_type, "kept")
        self.kept_at = output.offset + self.number * output.row_stride
        self.table = kernel.results[output.result]
        self._taken: dict[LoopLevel, SSAValue] = {}

    # ---- before the loops -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Finds the rows whose index comes again; a table that is not updated in place is copied first."""
        self._copy_table()
        self._fill(self.once, 1)
        builder, zero = self.builder, self.builder.index(0)
        rows = zero, builder.index(self.count), builder.index(1)

        def leave(number: SSAValue) -> None:
            self._put(self.last, self._last_bits(number), number)

        def list_overwritten(number: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            (so_far,) = carried
            is_other = Scalar(self._row_at(self.last, self._last_bits(number))).not_equal(Scalar(number))
            self._put(self.listed, so_far, number)
            return [builder.sum_of([(so_far, 1), (index_of(is_other.cast(i64)), 1)], 0, "so_far")]

        self._each(rows, "number", leave)
        (count,) = builder.loop_between(rows, "number", [zero], list_overwritten)
        places = zero, count, builder.index(1)
        self._each(places, "place", self._leave_listed)
        self._each(places, "place", self._clear_repeated)

    def _leave_listed(self, place: SSAValue) -> None:
        number = self._row_at(self.listed, place)
        self._put(self.last_listed, self._other_bits(number), number)

    def _clear_repeated(self, place: SSAValue) -> None:
        """Notes which rows come again, for a listed one and those that have overwritten it.

        An equal index of another row is in the same slots: it was overwritten by the same rows, or is one of these.
        """
        number = self._row_at(self.listed, place)
        last = self._row_at(self.last, self._last_bits(number))
        other = self._row_at(self.last_listed, self._other_bits(number))
        is_last = self._index(last).equal(self._index(number))
        is_overwritten = Scalar(other).not_equal(Scalar(number))
        is_other = both(is_overwritten, self._index(other).equal(self._index(number)))
        for row, comes_again in ((number, is_last | is_overwritten), (last, is_last), (other, is_other)):
            place = select(comes_again, Scalar(row), Scalar(self.builder.index(self.count))).value
            self.once.store(self.builder, self.builder.number(0, i8), [(place, 1)], 0)

    def _fill(self, buffer: BufferView, number: int) -> None:
        """Fills a buffer of bytes, line by line of the cache."""

        def line(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            numbers = self.builder.number(number, vector_type(i8, LINE))
            store_vector(buffer, self.builder, Lanes(-1, LINE), numbers, ([(start, 1)], 0, 1))
            return []

        self.builder.loop((0, buffer.layout.shape[0], LINE), "start", [], line)

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
        builder = self.builder

        def line(start: SSAValue) -> None:
            once = load_vector(self.once, builder, Lanes(-1, LINE), [(start, 1)], 0, 1)
            end = builder.at_most(builder.sum_of([(start, 1)], LINE), self.count)
            rows = start, end, builder.index(1)
            repeated = any_lane(once ^ 1)
            builder.when(repeated.value, lambda: self._each(rows, "number", self._take_up_late))

        self._each(tuple(map(builder.index, (0, self.count, LINE))), "start", line)

    def _take_up_late(self, number: SSAValue) -> None:
        level = self._level(number)
        (index,) = level.values([self.row])

        def take() -> None:
            here = level.inside(self.builder.insertion_point, {})
            here.kept[self.output.node] = partial(LoopLevel.load, view=self.kept, offset=self.kept_at)
            lower_row(self.kernel, here, self.output, sorted(self.output.offset.dims), self._combine)

        repeated = self.once.load(self.builder, [(number, 1)], 0).equal(0)
        self.builder.when(both(is_in_range(index, self.output.rows), repeated).value, take)

    # ---- rows -------------------------------------------------------------------------------------------

    def _each(self, bounds: tuple[SSAValue, ...], hint: str, body: Callable[[SSAValue], None]) -> None:
        """A loop that carries nothing."""

        def iteration(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            body(number)
            return []

        lower, upper, step = bounds
        self.builder.loop_between((lower, upper, step), hint, [], iteration)

    def _level(self, number: SSAValue) -> LoopLevel:
        """The inside of a loop over all rows, or some."""
        return self.kernel.root.inside(self.builder.insertion_point, {self.dim: number})

    def _row_at(self, buffer: BufferView, place: SSAValue) -> SSAValue:
        """The number of a row in a slot, or at a place of the list."""
        return index_of(buffer.load(self.builder, [(place, 1)], 0))

    def _put(self, buffer: BufferView, place: SSAValue, number: SSAValue) -> None:
        buffer.store(
            self.builder, emit("arith.index_cast", buffer.element_type, Scalar(number)), [(place, 1)], 0
        )

    def _index(self, number: SSAValue) -> Scalar:
        """The index that a row has."""
        (index,) = self._level(number).values([self.row])
        return index

    def _last_bits(self, number: SSAValue) -> SSAValue:
        return self.builder.remainder(index_of(self._index(number)), self.slots, "slot")

    def _other_bits(self, number: SSAValue) -> SSAValue:
        product = self._index(number).cast(i32) * GOLDEN
        kept = 32 - (self.slots.bit_length() - 1)
        return index_of(emit("arith.shrui", i32, product, product.like(kept)).cast(i64))

    def _combine(self, here: LoopLevel, value: Scalar) -> None:
        """Combines elements of the row with those of the table."""
        (index,) = here.values([self.row])
        more = [(index_of(index), self.output.row_stride)]
        before = here.load(self.table, self.output.offset, more)
        here.store(self.table, self.output.offset, combination(self.output)(before, value), more)
