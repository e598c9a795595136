"""Rows kernels: one row after the other, and within a row one sweep for each stage of its reductions."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from pullback.dialects.diagnostics import DiagnosticError
from pullback.dialects.graph.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.keeping import Keeping
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.levels import Level
from pullback.passes.loops.nodes import Compute, Output, Reduce, cone
from pullback.passes.loops.pointwise import at_lanes, hints_of
from pullback.passes.loops.sweep import Accumulator, Sweep, carried_loop
from pullback.passes.loops.totals import Totals
from pullback.passes.loops.vectors import Lanes, across_lanes, with_neutral

UNROLL = 4
"""Independent accumulators of a reduction whose steps are cheap: enough to hide an addition's latency."""
UNROLL_EXPENSIVE = 2
"""Where a step holds an exp or the like, two of them side by side keep the pipeline full."""


class Rows:
    """Lowers a rows kernel: outputs by where they belong, reductions by the stage in which they are formed."""

    def __init__(self, kernel: KernelFunction) -> None:
        self.kernel = kernel
        self.builder = kernel.builder
        self.outer, self.inner = kernel.space.outer, kernel.space.inner
        reduces = [n for n in kernel.nodes if isinstance(n, Reduce)]
        inside, outside = set(self.inner), set(self.outer)
        self.reduces = [n for n in reduces if not n.is_outer]
        self.sums = [n for n in reduces if n.is_outer and not n.dims]
        self.totals = Totals(kernel, [n for n in reduces if n.is_outer])
        self.elements = [o for o in kernel.outputs if o.offset.dims & inside and o not in self.totals.outputs]
        self.per_row = [o for o in kernel.outputs if o.offset.dims and not o.offset.dims & inside]
        self.singles = [o for o in kernel.outputs if not o.offset.dims]
        in_rows = [o.node for o in self.elements] + [n.operands[0] for n in self.reduces]
        in_rows += [n.operands[0] for n in self.totals.places]
        across = [o.node for o in kernel.outputs if o.offset.dims & outside]
        if any(n.is_late for n in (*in_rows, *across)):
            raise DiagnosticError(
                "a total over all rows is used inside a row of one kernel", kernel.space.kernel
            )
        self.last = max([n.stage for n in in_rows], default=0)
        self.keeping = Keeping(kernel, in_rows, self.elements, self.last)

    def lower(self) -> None:
        with self.builder.entering(self.builder.block):
            self.totals.clear()
            if self.outer:
                self._rows()
            else:
                self._row(self.kernel.root)
            self.totals.finish()
            self.kernel.root.store_outputs(self.singles, self.kernel.results)

    # ---- rows -------------------------------------------------------------------------------------------

    def _rows(self) -> None:
        """Rows are independent, unless a total is gathered over them: then they run in order."""
        extents = [self.kernel.space.extents[d] for d in self.outer]
        if not (self.sums or self.totals.places):

            def body(*indices: SSAValue) -> None:
                around = dict(zip(self.outer, indices, strict=True))
                self._row(self.kernel.root.inside(self.builder.place, around))

            self.builder.parallel([(0, n, 1) for n in extents], hints_of(self.outer), body)
            return
        partial = [Accumulator(node.op, node.element_type, [], "total") for node in self.sums]
        self._nest(list(self.outer), {}, partial)
        for node, total in zip(self.sums, partial, strict=True):
            self.kernel.root.known[node] = total.total(self.builder)

    def _nest(self, dims: list[int], indices: dict[int, SSAValue], partial: list[Accumulator]) -> None:
        if not dims:
            row = self.kernel.root.inside(self.builder.place, indices)
            self._row(row)
            terms = row.values([node.operands[0] for node in self.sums])
            for total, value in zip(partial, terms, strict=True):
                total.add(value)
            return
        first, *rest = dims
        (hint,) = hints_of([first])
        carried_loop(
            self.builder,
            self.kernel.space.extents[first],
            hint,
            partial,
            lambda index: self._nest(rest, {**indices, first: index}, partial),
        )

    def _row(self, row: Level) -> None:
        for stage in range(self.last + 1):
            reduces = [n for n in self.reduces if n.operands[0].stage == stage]
            outputs = [o for o in self.elements if self.keeping.stage_of(o) == stage]
            if reduces or outputs or self.totals.at_stage(stage):
                self._stage(row, stage, reduces, outputs)
        if self.per_row:
            row.store_outputs(self.per_row, self.kernel.results)

    # ---- stages -----------------------------------------------------------------------------------------

    def _stage(self, row: Level, stage: int, reduces: list[Reduce], outputs: list[Output]) -> None:
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
            Accumulator(n.op, vector_type(n.element_type, count), [], n.op.name.removeprefix("graph."))
            for n in reduces
        ]
        self._sweeps(row, list(self.inner), stage, (reduces, outputs, partial), count)
        for node, accumulator in zip(reduces, partial, strict=True):
            total = across_lanes(node.op, accumulator.total(self.builder))
            total.value.name_hint = accumulator.hint
            row.known[node] = total

    def _sweeps(
        self,
        level: Level,
        dims: list[int],
        stage: int,
        work: tuple[list[Reduce], list[Output], list[Accumulator]],
        count: int,
    ) -> None:
        """Loops over the dims of R, the last of them in vectors."""
        reduces, outputs, partial = work
        first, *rest = dims
        extent = self.kernel.space.extents[first]
        if rest:

            def around(index: SSAValue) -> None:
                self._sweeps(level.inside(self.builder.place, {first: index}), rest, stage, work, count)

            carried_loop(self.builder, extent, f"r{first}", partial, around)
            return

        def iteration(start: SSAValue, size: int) -> Sequence[Scalar]:
            here = at_lanes(self.kernel, level, {first: start}, Lanes(first, count), size)
            assert here.lanes is not None
            self.keeping.compute(here, stage)
            terms = [here.vector(node.operands[0]) for node in reduces]
            self.totals.add(here, stage)
            here.store_outputs(outputs, self.kernel.results)
            return [
                with_neutral(self.builder, term, here.lanes, node.op)
                for node, term in zip(reduces, terms, strict=True)
            ]

        unroll = self._unroll(reduces, outputs, stage)
        Sweep(self.builder, "column", extent, count, unroll).run(partial, iteration)

    def _unroll(self, reduces: list[Reduce], outputs: list[Output], stage: int) -> int:
        """How many steps side by side: at most `unroll` of the schedule, fewer where a step is long already."""
        most = self.kernel.schedule.unroll or UNROLL
        roots = [*(n.operands[0] for n in reduces), *(o.node for o in outputs)]
        nodes = cone(roots, self.keeping.is_there(stage))
        if any(isinstance(n, Compute) and n.is_expensive for n in nodes):
            return min(most, UNROLL_EXPENSIVE)
        return most if reduces else 1


def lower_rows(kernel: KernelFunction) -> None:
    """See `Rows`."""
    Rows(kernel).lower()
