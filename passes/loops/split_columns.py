"""Columns kernels whose rows are split: a part runs through its rows once for each stage, all columns side by side.

Of `sum(x, axis=0)` of %x : tensor<65536x4096xf32>, with `split = 16`, come 16 parts of 4096 rows. In a part blocks of
48 rows add to a total for each column:

    scf.parallel (%part) = … {
      …the totals of the part are cleared…
      scf.for %rows = %start to %end step %c48 {
        scf.for %column = %c0 to %c4096 step %c128 {
          …eight vectors of columns run down 48 rows, as in `columns`…
          %so_far = vector.load %totals[%part, %column]
          %so_far_1 = arith.addf %so_far, %sum
          vector.store %so_far_1, %totals[%part, %column]
        }
      }
    }
    …the totals of all parts are combined in order, column by column…

So memory is read from its beginning to its end, whatever the number of columns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, partial
from math import prod
from types import MappingProxyType

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine, linear
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.columns import BLOCK, Columns, Work
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.partial_results import Accumulator, element_of
from pullback.passes.loops.parts import in_order, in_parts, scratch_of_parts
from pullback.passes.loops.pointwise import at_lanes, each_element
from pullback.passes.loops.sweep import Range, Sweep, carried_loop
from pullback.passes.loops.vectors import Lanes, with_neutral
from pullback.passes.lowering import long_sums
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, combine
from pullback.passes.lowering.nodes import Reduce
from pullback.passes.lowering.reduction_split import LoopParts
from pullback.passes.lowering.strided_layout import LoopAccess, layout_of
from pullback.passes.lowering.vector_registers import evenly, register_count

RUN = 16
"""Rows that a block of columns runs down at least, where there are several dims of rows."""
SPILLED = 4
"""Sums of a block of columns are as many as registers and a quarter more: with all those of 64 columns for windows of
3 x 3, rows are read from end to end."""


class SplitColumns(Columns):
    """Lowers a columns kernel in parts of its rows."""

    def lower(self) -> None:
        root = self.kernel.root
        with self.builder.entering(self.builder.block):
            for stage in range(self.last + 1):
                reduces = self.reductions.along_at(stage)
                outputs = [o for o in self.elements if self._stage_of(o) == stage]
                if reduces or outputs:
                    self._stage_in_parts((stage, reduces, outputs))
            if self.per_line:
                each_element(
                    self.kernel,
                    self.outer_dims,
                    lambda level: level.store_outputs(self.per_line, self.kernel.results),
                )
            self._over_columns()
            root.store_outputs(self.singles, self.kernel.results)

    @property
    def outer_dims(self) -> list[int]:
        return [*self.outer, self.lane]

    def _stage_in_parts(self, work: Work) -> None:
        """One run over the rows, and the totals of each column from those of the parts."""
        assert self.split is not None
        assert self.split.dim is not None
        dim, extents = self.split.dim, self.kernel.space.extents
        is_last = dim == self.inner[-1]
        self.unit = self._unroll_of(BLOCK) if is_last else 1
        parts = LoopParts.of(extents[dim], self.kernel.schedule.cpu.split or 1, self.unit)
        run = ColumnsRun(self, work, parts, dim)

        def part(number: SSAValue, start: SSAValue, end: SSAValue) -> None:
            run.clear(number)
            run.rows(number, start, end)

        in_parts(self.builder, parts, part)
        if parts.extent < extents[dim]:
            run.columns(self.builder.index(parts.count - 1), Range(dim))
        run.combine()

    def _over_columns(self) -> None:
        """Totals of all columns, one after the other."""
        nodes = self.reductions.single
        if not nodes:
            return
        totals = [Accumulator(n.op, vector_type(n.element_type, self.count), [], "total") for n in nodes]
        sweep = Sweep(self.builder, "column", self.kernel.space.extents[self.lane], self.count, 1)

        def nest(level: LoopLevel, dims: Sequence[int]) -> None:
            if dims:
                first, *rest = dims

                def around(index: SSAValue) -> None:
                    nest(level.inside(self.builder.insertion_point, {first: index}), rest)

                depth = sweep.steps * prod(self.kernel.space.extents[d] for d in rest)
                carried_loop(
                    self.builder, self.kernel.space.extents[first], f"i{first}", totals, around, depth
                )
                return

            def columns(start: SSAValue, size: int) -> list[Scalar]:
                here = at_lanes(self.kernel, level, {self.lane: start}, Lanes(self.lane, self.count), size)
                assert here.lanes is not None
                terms = [here.vector(node.operands[0]) for node in nodes]
                return [
                    with_neutral(self.builder, term, here.lanes, node.op)
                    for node, term in zip(nodes, terms, strict=True)
                ]

            sweep.run(totals, columns)

        nest(self.kernel.root, self.outer)
        for node, total in zip(nodes, totals, strict=True):
            self.kernel.root.known[node] = total.total_across_lanes(self.builder)

    def _unroll_of(self, vectors: int) -> int:
        """As many for each block of columns, so that all of them run along the same parts of the rows."""
        most = min(BLOCK, -(-self.kernel.space.extents[self.lane] // self.count))
        return super()._unroll_of(most)


class ColumnsRun:
    """One run over the rows, in parts."""

    def __init__(self, lines: SplitColumns, work: Work, parts: LoopParts, dim: int) -> None:
        self.lines, self.kernel, self.builder = lines, lines.kernel, lines.builder
        self.work, self.parts, self.dim = work, parts, dim
        space = self.kernel.space
        dims = lines.outer_dims
        shape = [space.extents[d] for d in dims]
        self.offset: Affine = linear(tuple(space.dim(d) for d in dims), shape, space.rank)
        self.size = prod(shape)
        accumulators = [self._accumulator(node) for node in self.reduces]
        self.types = [element_of(a.total_type or a.type) for a in accumulators]
        self.views = [scratch_of_parts(self.kernel, parts, self.size, type_) for type_ in self.types]

    @property
    def reduces(self) -> list[Reduce]:
        return self.work[1]

    def _accumulator(self, node: Reduce) -> Accumulator:
        type_ = vector_type(node.element_type, self.lines.count)
        return Accumulator(node.op, type_, [], node.op.name.rpartition(".")[2])

    def _at(self, part: SSAValue, view: BufferView) -> list[Term]:
        return [(part, view.layout.strides[0])]

    def clear(self, part: SSAValue) -> None:
        """Sets the totals of a part to their neutral elements."""
        if not self.reduces:
            return

        def neutral(level: LoopLevel) -> None:
            for node, type_, view in zip(self.reduces, self.types, self.views, strict=True):
                value = self.builder.number(node.op.neutral(type_), vector_type(type_, self.lines.count))
                level.store(view, self.offset, value, self._at(part, view))

        each_element(self.kernel, self.lines.outer_dims, neutral)

    def rows(self, part: SSAValue, start: SSAValue, end: SSAValue) -> None:
        """The rows of a part, in blocks."""
        if self.dim in (around := self._around()):
            self._nest(part, Range(self.dim, (start, end), self.parts.size), around, {})
            return
        extents = self.kernel.space.extents
        others = prod(extents[d] for d in self.lines.inner if d != self.dim)
        size = max(long_sums.BLOCK // max(others, 1), 1) * self.lines.unit
        if size >= self.parts.size:
            self.columns(part, Range(self.dim, (start, end), self.parts.size))
            return

        def block(first: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            last = self.builder.sum_of([(first, 1)], size, "last")
            if not self.parts.are_even or self.parts.size % size:
                last = self.builder.least(last, end, "last")
            self.columns(part, Range(self.dim, (first, last), size))
            return []

        self.builder.loop_between((start, end, self.builder.index(size)), "rows", [], block)

    def _around(self) -> list[int]:
        """The dims of rows whose loops are around all blocks of columns: those behind them are enough for a block."""
        inner, extents = self.lines.inner, self.kernel.space.extents
        if self.size <= self.lines.count * self._vectors:
            return []
        most = next((n for n in range(len(inner)) if prod(extents[d] for d in inner[n + 1 :]) < RUN), 0)
        return list(inner[:most])

    def _nest(
        self, part: SSAValue, range_: Range, dims: Sequence[int], indices: Mapping[int, SSAValue]
    ) -> None:
        """Loops over some dims of the rows, and all columns for each of their indices."""
        if not dims:
            self.columns(part, range_, indices)
            return
        first, *rest = dims
        here = range_ if range_.dim == first else None

        def around(index: SSAValue) -> None:
            self._nest(part, range_, rest, {**indices, first: index})

        carried_loop(self.builder, self.kernel.space.extents[first], f"r{first}", (), around, range_=here)

    def columns(
        self, part: SSAValue, range_: Range, indices: Mapping[int, SSAValue] = MappingProxyType({})
    ) -> None:
        """All columns, in blocks of several vectors, along a range of the rows, or at some of their indices."""
        lines, extents = self.lines, self.kernel.space.extents

        def nest(level: LoopLevel, dims: Sequence[int]) -> None:
            if dims:
                first, *rest = dims
                carried_loop(
                    self.builder,
                    extents[first],
                    f"i{first}",
                    (),
                    lambda index: nest(level.inside(self.builder.insertion_point, {first: index}), rest),
                )
                return

            def columns(start: SSAValue, size: int) -> list[Scalar]:
                self._block(part, lines.levels(level, start, size), range_, but=indices)
                return []

            Sweep(self.builder, "column", extents[lines.lane], lines.count * self._vectors, 1).run(
                (), columns
            )

        nest(self.kernel.root.inside(self.builder.insertion_point, dict(indices)), lines.outer)

    @cached_property
    def _vectors(self) -> int:
        """The vectors of a block of columns: as many as there are registers for their sums, about."""
        there = -(-self.kernel.space.extents[self.lines.lane] // self.lines.count)
        registers = register_count(self.kernel.vector_bits)
        sums = registers + registers // SPILLED
        return evenly(there, max(min(BLOCK, sums // max(len(self.reduces), 1)), 1))

    def _block(
        self, part: SSAValue, levels: Sequence[LoopLevel], range_: Range, but: Collection[int]
    ) -> None:
        accumulators = [[self._accumulator(node) for node in self.reduces] for _ in levels]
        lines = self.lines
        dims = [d for d in lines.inner if d not in but]
        lines.runs(levels, dims, self.work, [a for row in accumulators for a in row], range_)
        for level, row in zip(levels, accumulators, strict=True):
            for accumulator, view in zip(row, self.views, strict=True):
                value = accumulator.partial_total(self.builder)
                before = level.load(view, self.offset, self._at(part, view))
                level.store(view, self.offset, combine(accumulator.op, before, value), self._at(part, view))

    def combine(self) -> None:
        """The total of each column, which later stages and outputs load."""
        if not self.reduces:
            return
        layout = layout_of(self.size, [LoopAccess(self.offset)], self.kernel.space.extents)
        totals = [self.kernel.add_scratch(layout, node.element_type) for node in self.reduces]

        def column(level: LoopLevel) -> None:
            for node, view, total in zip(self.reduces, self.views, totals, strict=True):

                def load(part: SSAValue, view: BufferView = view) -> Scalar:
                    return level.load(view, self.offset, self._at(part, view))

                value = in_order(self.builder, node.op, self.parts, load, "total")
                level.store(total, self.offset, value.cast(node.element_type))

        each_element(self.kernel, self.lines.outer_dims, column)
        for node, total in zip(self.reduces, totals, strict=True):
            self.kernel.root.kept[node] = partial(LoopLevel.load, view=total, offset=self.offset)
