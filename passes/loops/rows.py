"""Rows kernels: one row after the other, and within a row one sweep for each stage of its reductions.

Of `y = x / sum(x, axis=1, keepdims)` on rows of 20 elements, in vectors of 8, come two sweeps, each of which ends in a
masked tail:

    scf.parallel (%row) = (%c0) to (%c4) step (%c1) {
      %sum = scf.for %column = %c0 to %c16 step %c8 iter_args(%sum_1 = %zeros) -> (vector<8xf32>) {
        %x_1 = vector.load %x[%row, %column]
        %sum_2 = arith.addf %sum_1, %x_1
        scf.yield %sum_2
      }
      …the tail, then all lanes as one number, in each lane of %sum_5…
      scf.for %column_1 = %c0 to %c16 step %c8 {
        %x_3 = vector.load %x[%row, %column_1]
        %quotient = arith.divf %x_3, %sum_5
        vector.store %quotient, %y[%row, %column_1]
      }
      …the tail…
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kept_values import Keeping
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.line_kernel import Lines
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.partial_results import Accumulator
from pullback.passes.loops.parts import PartialResults, in_parts
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.row_updates import RowsWhereRead
from pullback.passes.loops.sweep import Range, Sweep, carried_loop
from pullback.passes.loops.vectors import Lanes, with_neutral
from pullback.passes.lowering.nodes import Compute, Node, Output, Reduce, cone
from pullback.passes.lowering.reduction_split import LoopParts

UNROLL = 4
"""Independent accumulators of a reduction whose steps are cheap: enough to hide an addition's latency."""
UNROLL_EXPENSIVE = 2
"""Where a step holds an exp or the like, two of them side by side keep the pipeline full, mostly: see `_unroll`."""
ENOUGH = 16
"""Functions that do not wait for each other: more of them gain nothing, and are so much more code."""


@dataclass(frozen=True)
class RowSweep:
    """The work of one sweep: its stage, what it adds up, in vectors of `count`, and the outputs that it stores."""

    stage: int
    reduces: list[Reduce]
    outputs: list[Output]
    partial: list[Accumulator]
    count: int


class Rows(Lines):
    """Lowers a rows kernel."""

    def __init__(self, kernel: KernelFunction) -> None:
        super().__init__(kernel, "row")
        self.keeping = Keeping(kernel, self.in_lines, self.elements, self.last)
        self.taken_up = {o.result: RowsWhereRead(kernel, o) for o in self.elements if o.row is not None}

    def lower(self) -> None:
        with self.builder.entering(self.builder.block):
            for rows in self.taken_up.values():
                rows.begin()
        super().lower()
        with self.builder.entering(self.builder.block):
            for rows in self.taken_up.values():
                rows.finish()

    def lines(self, level: LoopLevel, partial: Sequence[Accumulator]) -> None:
        self._row(level)
        terms = level.values([node.operands[0] for node in self.reductions.single])
        for total, value in zip(partial, terms, strict=True):
            total.add(value)

    def _row(self, row: LoopLevel) -> None:
        for stage in range(self.last + 1):
            reduces = self.reductions.along_at(stage)
            outputs = [o for o in self.elements if self.keeping.stage_of(o) == stage]
            if reduces or outputs or self.totals.at_stage(stage):
                self._stage(row, stage, reduces, outputs)
        if self.per_line:
            row.store_outputs(self.per_line, self.kernel.results)

    # ---- stages -----------------------------------------------------------------------------------------

    def _stage(self, row: LoopLevel, stage: int, reduces: list[Reduce], outputs: list[Output]) -> None:
        """One sweep over a row."""
        if not self.inner:  # rows of one element
            level = row
            for node in reduces:
                row.known[node] = level.values([node.operands[0]])[0]
            self.totals.add(level, stage)
            level.store_outputs(outputs, self.kernel.results)
            return
        lane = self.inner[-1]
        count = self.kernel.lanes_along(lane)
        partial = [
            Accumulator(n.op, vector_type(n.element_type, count), [], n.op.name.rpartition(".")[2])
            for n in reduces
        ]
        work = RowSweep(stage, reduces, outputs, partial, count)
        if self.split is None or self.split.dim is None:
            self._sweeps(row, list(self.inner), work, self._sweep(work))
        else:
            self._split(row, work, self.split.dim)
        for node, accumulator in zip(reduces, partial, strict=True):
            total = accumulator.total_across_lanes(self.builder)
            total.value.name_hint = accumulator.hint
            row.known[node] = total

    def _split(self, row: LoopLevel, work: RowSweep, dim: int) -> None:
        """One sweep in parts of the loop along a dim; what is left behind the last whole iteration comes after."""
        is_last, extent = dim == self.inner[-1], self.kernel.space.extents[dim]
        sweep = self._sweep(work)
        unit = sweep.block if is_last else 1
        parts = LoopParts.of(extent, self.kernel.schedule.cpu.split or 1, unit)
        if parts.count:
            partial = PartialResults(self.kernel, parts, work.partial)

            def part(number: SSAValue, start: SSAValue, end: SSAValue) -> None:
                own = replace(work, partial=[replace(a, values=[]) for a in work.partial])
                level = row.inside(self.builder.insertion_point, {})
                self._sweeps(level, list(self.inner), own, sweep, Range(dim, (start, end), parts.size))
                partial.store(number, own.partial)

            in_parts(self.builder, parts, part)
            partial.combine(work.partial)
        if parts.extent < extent:
            self._sweeps(row, list(self.inner), work, sweep, Range(dim))

    def _sweeps(
        self, level: LoopLevel, dims: list[int], work: RowSweep, sweep: Sweep, range_: Range | None = None
    ) -> None:
        """Loops over the dims of R, the last of them in vectors; one of them over a range only."""
        first, *rest = dims
        here = range_ if range_ is not None and range_.dim == first else None
        if rest:
            extents = self.kernel.space.extents

            def around(index: SSAValue) -> None:
                inside = level.inside(self.builder.insertion_point, {first: index})
                self._sweeps(inside, rest, work, sweep, range_)

            depth = sweep.steps * prod(extents[d] for d in rest[:-1])
            carried_loop(self.builder, extents[first], f"r{first}", work.partial, around, depth, range_=here)
            return

        def iteration(start: SSAValue, size: int) -> Sequence[Scalar]:
            lanes = Lanes(first, work.count, swept=self.kernel.space.extents[first])
            inside = at_lanes(self.kernel, level, {first: start}, lanes, size)
            return self._vector(inside, work)

        sweep.run(work.partial, iteration, range_=here)

    def _vector(self, here: LoopLevel, work: RowSweep) -> list[Scalar]:
        """One vector of a row: what it adds to each accumulator."""
        assert here.lanes is not None
        self.keeping.compute(here, work.stage)
        terms = [here.vector(node.operands[0]) for node in work.reduces]
        self.totals.add(here, work.stage)
        taken_up = [o for o in work.outputs if o.row is not None]
        here.values([output.node for output in taken_up])  # before any of their tables changes
        here.store_outputs([o for o in work.outputs if o.row is None], self.kernel.results)
        for output in taken_up:
            self.taken_up[output.result].take_up(here)
        return [
            with_neutral(self.builder, term, here.lanes, node.op)
            for node, term in zip(work.reduces, terms, strict=True)
        ]

    def _sweep(self, work: RowSweep) -> Sweep:
        extent = self.kernel.space.extents[self.inner[-1]]
        unroll = self._unroll(work.reduces, work.outputs, work.stage)
        return Sweep(self.builder, "column", extent, work.count, unroll)

    def _unroll(self, reduces: list[Reduce], outputs: list[Output], stage: int) -> int:
        """The unroll factor: at most `unroll` of the schedule, less where a step is long already."""
        most = self.kernel.schedule.cpu.unroll or UNROLL
        roots = [*(n.operands[0] for n in reduces), *(o.node for o in outputs)]
        nodes = cone(roots, self.keeping.is_there(stage))
        side_by_side = _side_by_side(nodes)
        if side_by_side:
            # Two take up to a twentieth longer there, and long loops are few.
            is_long = self.split is not None and self.split.dim is not None
            return min(most, UNROLL if is_long else UNROLL_EXPENSIVE, max(1, ENOUGH // side_by_side))
        return most if reduces else 1


def _side_by_side(nodes: Sequence[Node]) -> int:
    """How many functions of mathematics among these nodes, operands first, may be computed at once; 0 if none is."""
    depths: dict[Node, int] = {}
    count = 0
    for node in nodes:
        is_expensive = isinstance(node, Compute) and node.is_expensive
        count += is_expensive
        depths[node] = max((depths.get(o, 0) for o in node.operands), default=0) + is_expensive
    return count // max(1, *depths.values()) if count else 0
