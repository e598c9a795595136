"""Columns kernels: blocks of neighbouring columns in vector registers, one run over the rows for each stage.

Of `sum(x, axis=0)` of %x : tensor<20x16xf32>, in vectors of 8, comes one block of two vectors, which run down the rows
together:

    %sum, %sum_1 = scf.for %row = %c0 to %c20 step %c1 iter_args(%sum_2 = %zeros, %sum_3 = %zeros) {
      %x_1 = vector.load %x[%row, %c0]
      %x_2 = vector.load %x[%row, %c8]
      %sum_4 = arith.addf %sum_2, %x_1
      %sum_5 = arith.addf %sum_3, %x_2
      scf.yield %sum_4, %sum_5
    }
    vector.store %sum, %y[%c0]
    vector.store %sum_1, %y[%c8]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.inner_box import AlongBox, InnerBox
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.line_kernel import Lines
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.partial_results import Accumulator
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.sweep import Iteration, Range, Sweep, carried_loop
from pullback.passes.loops.vectors import Lanes, across_lanes, combined, with_neutral
from pullback.passes.lowering.nodes import Output, Reduce

BLOCK = 8
"""Vectors of columns that run down the rows together: several cache lines of each row, and as many sums at once."""
UNROLL = 4
"""Sums at once where there are fewer columns: several rows in one step."""

Work: TypeAlias = tuple[int, list[Reduce], list[Output]]
"""The work of one run over the rows: its stage, the reductions that it computes, the outputs that it stores."""


class Columns(Lines):
    """Lowers a columns kernel."""

    def __init__(self, kernel: KernelFunction) -> None:
        super().__init__(kernel, "column")
        *self.outer, self.lane = kernel.space.outer
        self.count = kernel.lanes_along(self.lane)

    def lines(self, level: LoopLevel, partial: Sequence[Accumulator]) -> None:
        """Full blocks, then one of the remaining vectors, the last of which may be masked."""

        def columns(start: SSAValue, size: int) -> list[Scalar]:
            levels = self.levels(level, start, size)
            self._stages(levels)
            return [self._sum(node, levels) for node in self.reductions.single]

        self._sweep().run(partial, columns, parallel=self.is_independent)

    def levels(self, level: LoopLevel, start: SSAValue, size: int) -> list[LoopLevel]:
        """One level for each vector of a block of columns."""
        return [
            at_lanes(
                self.kernel,
                level,
                {self.lane: self.builder.sum_of([(start, 1)], at, "column")},
                Lanes(self.lane, self.count),
                min(self.count, size - at),
            )
            for at in range(0, size, self.count)
        ]

    @property
    def depth(self) -> int:
        return self._sweep().steps

    def _sweep(self) -> Sweep:
        depth = BLOCK if self.totals.gathered else 1
        extent = self.kernel.space.extents[self.lane]
        end = self.totals.end_block if self.totals.is_long else None
        return Sweep(self.builder, "column", extent, self.count * BLOCK, 1, depth, end)

    def _sum(self, node: Reduce, levels: Sequence[LoopLevel]) -> Scalar:
        """The partial sum that a block of columns adds to a total."""
        terms: list[Scalar] = []
        for level in levels:
            assert level.lanes is not None
            terms.append(with_neutral(self.builder, level.vector(node.operands[0]), level.lanes, node.op))
        return across_lanes(node.op, combined(node.op, terms))

    # ---- stages -----------------------------------------------------------------------------------------

    def _stages(self, levels: Sequence[LoopLevel]) -> None:
        for stage in range(self.last + 1):
            reduces = self.reductions.along_at(stage)
            outputs = [o for o in self.elements if self._stage_of(o) == stage]
            if not (reduces or outputs or self.totals.at_stage(stage)):
                continue
            type_ = [vector_type(n.element_type, self.count) for n in reduces]
            partial = [
                [
                    Accumulator(n.op, t, [], n.op.name.rpartition(".")[2])
                    for n, t in zip(reduces, type_, strict=True)
                ]
                for _ in levels
            ]
            self.runs(
                levels, list(self.inner), (stage, reduces, outputs), [a for row in partial for a in row]
            )
            for level, accumulators in zip(levels, partial, strict=True):
                for node, accumulator in zip(reduces, accumulators, strict=True):
                    level.known[node] = accumulator.total(self.builder)
        for level in levels:
            level.store_outputs(self.per_line, self.kernel.results)

    def _stage_of(self, output: Output) -> int:
        return self.last if self.kernel.is_loaded(output) else output.node.stage

    def runs(
        self,
        levels: Sequence[LoopLevel],
        dims: list[int],
        work: Work,
        partial: Sequence[Accumulator],
        range_: Range | None = None,
    ) -> None:
        """Loops over the dims of R, one of them over a range only; few columns take several rows at once."""
        if not dims:
            for accumulator, value in zip(partial, self._row(levels, {}, work), strict=True):
                accumulator.add(value)
            return
        first, *rest = dims
        extents = self.kernel.space.extents
        here = range_ if range_ is not None and range_.dim == first else None
        sweep = Sweep(self.builder, "row", extents[dims[-1]], 1, self._unroll_of(len(levels)))
        if rest:

            def around(index: SSAValue) -> None:
                inside = [level.inside(self.builder.insertion_point, {first: index}) for level in levels]
                self.runs(inside, rest, work, partial, range_)

            single = sweep if self._box is None else replace(sweep, unroll=1)
            depth = single.steps * prod(extents[d] for d in rest[:-1])
            carried_loop(self.builder, extents[first], f"r{first}", partial, around, depth, range_=here)
            return
        if here is None and (box := self._box) is not None:
            self._around_box(levels, first, work, partial, box)
            return
        sweep.run(partial, lambda start, size: self._row(levels, {first: start}, work), range_=here)

    @cached_property
    def _box(self) -> InnerBox | None:
        return InnerBox.of(self.kernel.nodes, self.inner, self.kernel.space.extents)

    def _around_box(
        self,
        levels: Sequence[LoopLevel],
        dim: int,
        work: Work,
        partial: Sequence[Accumulator],
        box: InnerBox,
    ) -> None:
        """Loops over the last dim of R: over the indices in the box, and over those before and behind it."""
        extent, inside = self.kernel.space.extents[dim], box.holds(self.builder, levels[0].indices, but=dim)
        sweep, single = (Sweep(self.builder, "row", extent, 1, n) for n in (self._unroll_of(len(levels)), 1))

        def row(is_inside: bool) -> Iteration:
            return lambda at, size: self._row(levels, {dim: at}, work, is_inside=is_inside)

        AlongBox(sweep, single, dim, box.ranges.get(dim, (0, extent)), inside).run(partial, row)

    def _unroll_of(self, vectors: int) -> int:
        """The rows that a block of so many vectors of columns takes in one step."""
        return max((self.kernel.schedule.cpu.unroll or UNROLL) // vectors, 1)

    def _row(
        self,
        levels: Sequence[LoopLevel],
        indices: dict[int, SSAValue],
        work: Work,
        *,
        is_inside: bool = False,
    ) -> list[Scalar]:
        """One row of a block of columns: what it adds to each accumulator."""
        stage, reduces, outputs = work
        values: list[Scalar] = []
        for level in levels:
            here = level.inside(self.builder.insertion_point, indices, is_inside=is_inside)
            values += [here.vector(node.operands[0]) for node in reduces]
            self.totals.add(here, stage)
            here.store_outputs(outputs, self.kernel.results)
        return values
