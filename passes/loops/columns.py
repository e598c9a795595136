"""Columns kernels: blocks of neighbouring columns in vector registers, one run over the rows for each stage."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import VectorType
from xdsl.ir import SSAValue

from pullback.dialects.diagnostics import DiagnosticError
from pullback.dialects.graph.reductions import Max
from pullback.dialects.graph.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.levels import Level
from pullback.passes.loops.nodes import Output, Reduce
from pullback.passes.loops.pointwise import at_lanes, hints_of
from pullback.passes.loops.rows import lower_rows
from pullback.passes.loops.sweep import Accumulator, Sweep, carried_loop
from pullback.passes.loops.vectors import Lanes

BLOCK = 4
"""Vectors of columns that run down the rows together: a few cache lines of each row, and as many sums at once."""


class Columns:
    """Lowers a columns kernel."""

    def __init__(self, kernel: KernelFunction) -> None:
        self.kernel = kernel
        self.builder = kernel.builder
        *self.outer, self.lane = kernel.space.outer
        self.inner = kernel.space.inner
        self.count = kernel.lanes_along(self.lane)
        self.reduces = [n for n in kernel.nodes if isinstance(n, Reduce)]
        if any(n.is_outer for n in self.reduces):
            raise DiagnosticError("a columns kernel reduces over rows only", kernel.space.kernel)
        self.elements = [o for o in kernel.outputs if o.offset.dims & set(self.inner)]
        self.per_column = [o for o in kernel.outputs if o not in self.elements]
        self.last = max(
            [n.operands[0].stage for n in self.reduces] + [o.node.stage for o in self.elements], default=0
        )

    def lower(self) -> None:
        with self.builder.entering(self.builder.block):
            if not self.outer:
                self._blocks(self.kernel.root)
                return

            def body(*indices: SSAValue) -> None:
                around = dict(zip(self.outer, indices, strict=True))
                self._blocks(self.kernel.root.inside(self.builder.place, around))

            extents = self.kernel.space.extents
            self.builder.parallel([(0, extents[d], 1) for d in self.outer], hints_of(self.outer), body)

    def _blocks(self, level: Level) -> None:
        """Full blocks, then one of the remaining vectors, the last of which may be masked."""
        extent = self.kernel.space.extents[self.lane]
        block = self.count * BLOCK
        full = extent // block * block

        def columns(start: SSAValue, sizes: Sequence[int]) -> None:
            levels = [
                at_lanes(
                    self.kernel,
                    level,
                    {self.lane: self.builder.sum_of([(start, 1)], k * self.count, "column")},
                    Lanes(self.lane, self.count),
                    size,
                )
                for k, size in enumerate(sizes)
            ]
            self._stages(levels)

        if full:

            def whole(start: SSAValue) -> None:
                columns(start, [self.count] * BLOCK)

            self.builder.parallel([(0, full, block)], ["column"], whole)
        if rest := extent - full:
            sizes = [min(self.count, rest - at) for at in range(0, rest, self.count)]
            columns(self.builder.index(full), sizes)

    def _stages(self, levels: Sequence[Level]) -> None:
        for stage in range(self.last + 1):
            reduces = [n for n in self.reduces if n.operands[0].stage == stage]
            outputs = [o for o in self.elements if self._stage_of(o) == stage]
            if not (reduces or outputs):
                continue
            type_ = [VectorType(n.element_type, [self.count]) for n in reduces]
            partial = [
                [
                    Accumulator(n.op, t, [], "max" if isinstance(n.op, Max) else "sum")
                    for n, t in zip(reduces, type_, strict=True)
                ]
                for _ in levels
            ]
            self._runs(levels, list(self.inner), (reduces, outputs), [a for row in partial for a in row])
            for level, accumulators in zip(levels, partial, strict=True):
                for node, accumulator in zip(reduces, accumulators, strict=True):
                    level.known[node] = accumulator.total(self.builder)
        for level in levels:
            level.store_outputs(self.per_column, self.kernel.results)

    def _stage_of(self, output: Output) -> int:
        return self.last if self.kernel.is_loaded(output) else output.node.stage

    def _runs(
        self,
        levels: Sequence[Level],
        dims: list[int],
        work: tuple[list[Reduce], list[Output]],
        partial: Sequence[Accumulator],
    ) -> None:
        """Loops over the dims of R; few columns take several rows at once."""
        reduces, outputs = work
        if not dims:
            for accumulator, value in zip(partial, self._row(levels, {}, reduces, outputs), strict=True):
                accumulator.add(value)
            return
        first, *rest = dims
        extent = self.kernel.space.extents[first]
        if rest:

            def around(index: SSAValue) -> None:
                inside = [level.inside(self.builder.place, {first: index}) for level in levels]
                self._runs(inside, rest, work, partial)

            carried_loop(self.builder, extent, f"r{first}", partial, around)
            return
        unroll = max((self.kernel.schedule.unroll or BLOCK) // len(levels), 1)
        Sweep(self.builder, "row", extent, 1, unroll).run(
            partial, lambda start, size: self._row(levels, {first: start}, reduces, outputs)
        )

    def _row(
        self,
        levels: Sequence[Level],
        indices: dict[int, SSAValue],
        reduces: list[Reduce],
        outputs: list[Output],
    ) -> list[Scalar]:
        """One row of a block of columns: what it adds to each accumulator."""
        values: list[Scalar] = []
        for level in levels:
            here = level.inside(self.builder.place, indices)
            values += [here.vector(node.operands[0]) for node in reduces]
            here.store_outputs(outputs, self.kernel.results)
        return values


def lower_columns(kernel: KernelFunction) -> None:
    """See `Columns`; columns of one element are a single row."""
    if kernel.space.outer:
        Columns(kernel).lower()
    else:
        lower_rows(kernel)
