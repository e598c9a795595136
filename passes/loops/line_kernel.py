"""Rows and columns kernels: loops over the lines, within which reductions are formed and outputs stored.

A line is a row or a column. Of the three sums in `line_reductions`, of the rows of %x : tensor<4x8xf32>, come

    …%b is cleared: it gathers the sums across the rows (`totals`)…
    %total = scf.for %row = %c0 to %c4 step %c1 iter_args(%total_1 = %zero) -> (f32) {
      %sum = vector.load %x[%row, %c0]                     // the line: `rows` has its loops
      …%b + %sum goes back to %b…
      %sum_1 = …all lanes of %sum…
      memref.store %sum_1, %a[%row]                        // per line
      %total_2 = arith.addf %total_1, %sum_1
      scf.yield %total_2
    }
    memref.store %total, %c[%c0]                           // once

Where nothing is gathered over the lines, they do not depend on each other: the loop over them is an `scf.parallel`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from math import prod

from xdsl.ir import SSAValue

from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.partial_results import Accumulation, Accumulator
from pullback.passes.loops.parts import PartialResults, in_parts
from pullback.passes.loops.pointwise import hints_of
from pullback.passes.loops.sweep import carried_loop
from pullback.passes.loops.totals import Totals
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.reduction_split import LoopParts


class Lines(ABC):
    """The outputs of a kernel by the loops in which they are stored, and its reductions by what they run over."""

    def __init__(self, kernel: KernelFunction, line: str) -> None:
        self.kernel = kernel
        self.builder = kernel.builder
        self.outer, self.inner = kernel.space.outer, kernel.space.inner
        inside, outside = set(self.inner), set(self.outer)
        self.reductions = LineReductions.of(kernel.nodes, self.inner)
        self.split = kernel.split
        self.parts_of_lines = self._parts_of_lines()
        self.totals = Totals(kernel, self.reductions.across, self.parts_of_lines)
        self.elements = [o for o in kernel.outputs if o.offset.dims & inside and o not in self.totals.outputs]
        self.per_line = [o for o in kernel.outputs if o.offset.dims and not o.offset.dims & inside]
        self.singles = [o for o in kernel.outputs if not o.offset.dims]
        self.in_lines = [o.node for o in self.elements] + [n.operands[0] for n in self.reductions.along]
        self.in_lines += [n.operands[0] for n in self.totals.gathered]
        across = [o.node for o in kernel.outputs if o.offset.dims & outside]
        assert not any(n.is_late for n in (*self.in_lines, *across)), (
            "check_space refuses totals inside of lines"
        )
        self.last = max([n.stage for n in self.in_lines], default=0)

    @property
    def is_independent(self) -> bool:
        """Whether no total is gathered over the lines, so that they need not run in order."""
        return not self.reductions.single and not self.totals.gathered

    def _parts_of_lines(self) -> LoopParts | None:
        """The parts of the loop over the lines, if that is the one which is split."""
        if self.split is None or self.split.dim is not None:
            return None
        lines = prod(self.kernel.space.extents[d] for d in self.outer)
        return LoopParts.of(lines, self.kernel.schedule.cpu.split or 1)

    def lower(self) -> None:
        with self.builder.entering(self.builder.block):
            if self.parts_of_lines is not None:
                self._in_parts(self.parts_of_lines)
                self.totals.finish()
                self.kernel.root.store_outputs(self.singles, self.kernel.results)
                return
            self.totals.clear()
            if not self.is_independent or self.split is not None:
                self._in_order()
            elif self.reductions.along or self.elements or self.per_line:  # else nothing runs along the lines
                self._in_parallel()
            self.totals.finish()
            self.kernel.root.store_outputs(self.singles, self.kernel.results)

    @property
    def depth(self) -> int:
        """The number of terms that `lines` adds to a total, one after the other."""
        return self.totals.depth

    @property
    def step(self) -> int:
        """The number of lines that `some_lines` goes through; others than one have a single outer dim."""
        return 1

    def some_lines(self, start: SSAValue, end: SSAValue, partial: Sequence[Accumulator]) -> None:
        """Builds what runs for a line, or for several from a number on that is before `end`."""
        indices = dict(zip(self.outer, self._indices(start), strict=True))
        self.lines(self.kernel.root.inside(self.builder.insertion_point, indices), partial)

    @abstractmethod
    def lines(self, level: LoopLevel, partial: Sequence[Accumulator]) -> None:
        """Builds what runs inside of the outer loops, and adds to the totals so far."""

    def _in_parallel(self) -> None:
        if not self.outer:
            self.lines(self.kernel.root, ())
            return

        def body(*indices: SSAValue) -> None:
            around = dict(zip(self.outer, indices, strict=True))
            self.lines(self.kernel.root.inside(self.builder.insertion_point, around), ())

        extents = self.kernel.space.extents
        self.builder.parallel([(0, extents[d], 1) for d in self.outer], hints_of(self.outer), body)

    def _in_order(self) -> None:
        partial = [Accumulator(node.op, node.element_type, [], "total") for node in self.reductions.single]
        self._nest(list(self.outer), {}, partial)
        for node, total in zip(self.reductions.single, partial, strict=True):
            self.kernel.root.known[node] = total.total(self.builder)

    def _in_parts(self, parts: LoopParts) -> None:
        """An `scf.parallel` over parts of the lines, each with totals of its own."""
        singles = self.reductions.single
        totals = [Accumulator(node.op, node.element_type, [], "total") for node in singles]
        partial = PartialResults(self.kernel, parts, totals)

        def part(number: SSAValue, start: SSAValue, end: SSAValue) -> None:
            own = [replace(total, values=[]) for total in totals]

            def line(index: SSAValue) -> None:
                self.some_lines(index, end, own)
                for total in own:
                    total.join()

            with self.totals.of_part(number):
                self.totals.clear()
                end_block = self.totals.end_block if self.totals.is_long else None
                slots = [1] * len(own)
                loop = Accumulation(self.builder, "row", own, slots, line, self.depth, end_block)
                loop.run_between(start, end, self.step, parts.size)
                self.totals.end_block()
            partial.store(number, own)

        in_parts(self.builder, parts, part)
        partial.combine(totals)
        for node, total in zip(singles, totals, strict=True):
            self.kernel.root.known[node] = total.total(self.builder)

    def _indices(self, line: SSAValue) -> list[SSAValue]:
        """The index along each outer dim of a line that is given by its number."""
        indices: list[SSAValue] = []
        for dim in reversed(self.outer[1:]):
            extent = self.kernel.space.extents[dim]
            indices.append(self.builder.remainder(line, extent, f"i{dim}"))
            line = self.builder.quotient(line, extent, "rows")
        return [line, *reversed(indices)]

    def _nest(self, dims: list[int], indices: dict[int, SSAValue], partial: list[Accumulator]) -> None:
        if not dims:
            root = self.kernel.root
            self.lines(root.inside(self.builder.insertion_point, indices) if indices else root, partial)
            return
        first, *rest = dims
        (hint,) = hints_of([first])
        extents = self.kernel.space.extents
        carried_loop(
            self.builder,
            extents[first],
            hint,
            partial,
            lambda index: self._nest(rest, {**indices, first: index}, partial),
            self.depth * prod(extents[d] for d in rest),
            self.totals.end_block if self.totals.is_long else None,
        )
