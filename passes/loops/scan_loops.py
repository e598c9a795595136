"""Scan kernels: a loop along the scanned dim that carries the result so far, for several lines side by side.

Of the sums along the first axis of %x : tensor<9x64xf32>, in vectors of 8, come two blocks of four vectors of columns.
What is carried is f64, so that each result is rounded once:

    scf.parallel (%column) = (%c0) to (%c64) step (%c32) {
      …the first row is stored as it is…
      scf.for %at = %c1 to %c9 step %c1 iter_args(%so_far = %first, …) -> (vector<8xf64>, …) {
        %x_1 = vector.load %x[%at, %column]
        %1 = arith.extf %x_1
        %2 = arith.addf %so_far, %1
        %3 = arith.truncf %2
        vector.store %3, %y[%at, %column]
        …
        scf.yield %2, …
      }
    }

Along the last axis four rows run side by side, which hides the latency of an addition; where a step is expensive, as
many as a vector has lanes. The order along a line is that of its elements, so results are those of NumPy to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.nodes import Output, Scanned

LINES = 4
"""Lines, or vectors of them, side by side."""


def lower_scan(kernel: KernelFunction) -> None:
    """One nest of loops for each scan."""
    with kernel.builder.entering(kernel.builder.block):
        for output in kernel.outputs:
            if 0 not in kernel.space.extents:
                ScanLoops(kernel, output).lower()


class ScanLoops:
    """The loops of one scan."""

    def __init__(self, kernel: KernelFunction, output: Output) -> None:
        assert isinstance(output.node, Scanned), "check_scan refuses others"
        self.kernel, self.builder = kernel, kernel.builder
        self.output, self.node, self.op = output, output.node, output.node.op
        self.along = next(iter(self.node.along), None)
        self.lines = sorted(output.offset.dims - self.node.along)
        self.type: Attribute = type(self.op).TOTALS.get(self.node.element_type, self.node.element_type)
        """The element type of what is carried."""
        self.count = self._count()

    def _count(self) -> int:
        """The lines in a vector: neighbouring columns, or any lines where a step outweighs the loads."""
        if not self.lines:
            return 1
        is_contiguous = self.output.offset.coefficients[self.lines[-1]] == 1
        return self.kernel.lanes_along(self.lines[-1]) if is_contiguous or self.op.EXPENSIVE else 1

    def lower(self) -> None:
        """All lines, `LINES` vectors of them at once, then those that are left."""
        if not self.lines:
            self._scan([self.kernel.root])
            return
        *outer, last = self.lines
        extent, width = self.kernel.space.extents[last], self.count * LINES
        main = extent // width * width
        if main:
            self._nest(outer, (0, main, width), width)
        if main < extent:
            self._nest(outer, (main, extent, width), extent - main)

    def _nest(self, outer: Sequence[int], bounds: tuple[int, int, int], size: int) -> None:
        """The loops over all lines whose index along the last dim is in these bounds."""

        def body(*indices: SSAValue) -> None:
            *around, start = indices
            at = dict(zip(outer, around, strict=True))
            level = self.kernel.root.inside(self.builder.insertion_point, at)
            self._scan(self._levels(level, start, size))

        extents = [(0, self.kernel.space.extents[dim], 1) for dim in outer]
        hints = [f"i{dim}" for dim in outer]
        self.builder.parallel([*extents, bounds], [*hints, "line"], body)

    def _levels(self, level: LoopLevel, start: SSAValue, size: int) -> list[LoopLevel]:
        """One level for each vector of lines, or each line."""
        last, levels = self.lines[-1], list[LoopLevel]()
        for at in range(0, size, self.count):
            index = {last: self.builder.sum_of([(start, 1)], at, "line")}
            if self.count == 1:
                levels.append(level.inside(self.builder.insertion_point, index))
            else:
                lanes = Lanes(last, self.count)
                levels.append(at_lanes(self.kernel, level, index, lanes, min(self.count, size - at)))
        return levels

    # ---- along the lines ------------------------------------------------------------------------------------

    def _scan(self, levels: Sequence[LoopLevel]) -> None:
        """The loop along some lines, which begins with their first elements."""
        extent = 1 if self.along is None else self.kernel.space.extents[self.along]
        states: list[SSAValue] = []
        first_index = self._index(self.builder.index(0), extent)
        for level in levels:
            here = self._at(level, first_index)
            elements = self._elements(here)
            state = self.op.begin(*elements)
            is_left_out, neutral = self.op.is_exclusive, type(self.op).FIRST
            self._store(here, self.builder.number(neutral, state.type) if is_left_out else state)
            states.append(state.value)
        if extent == 1:
            return

        def once(index: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            following: list[SSAValue] = []
            at = self._index(index, extent)
            for level, before in zip(levels, map(Scalar, carried), strict=True):
                here = self._at(level, at)
                state = self.op.step(before, *self._elements(here))
                self._store(here, before if self.op.is_exclusive else state)
                state.value.name_hint = "so_far"
                following.append(state.value)
            return following

        self.builder.loop((1, extent, 1), "at", states, once)

    def _index(self, number: SSAValue, extent: int) -> SSAValue:
        """The index of the element of this number in the direction of the scan."""
        return self.builder.sum_of([(number, -1)], extent - 1) if self.op.is_reverse else number

    def _at(self, level: LoopLevel, index: SSAValue) -> LoopLevel:
        """The level of one element of a line."""
        return level.inside(self.builder.insertion_point, {} if self.along is None else {self.along: index})

    def _elements(self, here: LoopLevel) -> list[Scalar]:
        """The elements of the operands, in the type of what is carried."""
        if self.count == 1:
            values = here.values(self.node.operands)
        else:
            values = [here.vector(operand) for operand in self.node.operands]
        return [value.cast(self.type) for value in values]

    def _store(self, here: LoopLevel, value: Scalar) -> None:
        view = self.kernel.results[self.output.result]
        here.store(view, self.output.offset, value.cast(self.node.element_type))
