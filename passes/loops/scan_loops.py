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

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.nodes import Load, Output, Scanned

LINES = 4
"""Lines, or vectors of them, side by side."""


@dataclass(frozen=True)
class ScannedLines:
    """The lines of a scan, in a space of these extents: the dims that tell lines apart, and the one along them.

    What is scanned in reverse has negative coefficients along the lines: index 0 is where the scan begins.
    """

    operands: Sequence[Load]
    offset: Affine
    """Where the result of an element goes."""
    extents: tuple[int, ...]
    dims: Sequence[int]
    along: int | None
    """`None` where each line is one element."""

    @staticmethod
    def of(kernel: KernelFunction, output: Output) -> ScannedLines:
        """The lines of the scan that an output is."""
        node = output.node
        assert isinstance(node, Scanned), "check_scan refuses others"
        loads = [load for load in node.operands if isinstance(load, Load)]
        assert len(loads) == len(node.operands), "what a scan reads is in memory"
        along = next(iter(node.along), None)
        dims = sorted(output.offset.dims - node.along)
        lines = ScannedLines(loads, output.offset, kernel.space.extents, dims, along)
        return lines.moved(lines.reversed) if node.op.is_reverse and along is not None else lines

    @property
    def length(self) -> int:
        """The elements of a line."""
        return 1 if self.along is None else self.extents[self.along]

    @property
    def several(self) -> int:
        """The number of lines."""
        return prod(self.extents[dim] for dim in self.dims)

    def reversed(self, offset: Affine) -> Affine:
        """The offset at the index that is as far from the end of a line as another one is from its beginning."""
        assert self.along is not None
        step = offset.coefficients[self.along]
        turned = [-c if dim == self.along else c for dim, c in enumerate(offset.coefficients)]
        return Affine(tuple(turned), offset.constant + step * (self.length - 1))

    def moved(self, move: Callable[[Affine], Affine]) -> ScannedLines:
        """The same lines, with other offsets."""
        loads: list[Load] = []
        for load in self.operands:
            offset = move(load.offset)
            loads.append(replace(load, offset=offset, dims=offset.dims))
        return replace(self, operands=loads, offset=move(self.offset))

    def in_chunks(self, count: int) -> ScannedLines:
        """So many chunks of each line, as lines whose last dim is the number of the chunk.

        What is left at the ends of the lines is in no chunk.
        """
        assert self.along is not None
        along, size = self.along, self.length // count
        moved = self.moved(lambda o: Affine((*o.coefficients, o.coefficients[along] * size), o.constant))
        extents = tuple(size if dim == along else n for dim, n in enumerate(self.extents))
        return replace(moved, extents=(*extents, count), dims=(*self.dims, len(extents)))


class ScanLoops:
    """The loops of one scan along some lines, in vectors of `count` lines, or as many as suit."""

    def __init__(self, kernel: KernelFunction, output: Output, lines: ScannedLines, count: int = 0) -> None:
        assert isinstance(output.node, Scanned)
        self.kernel, self.builder, self.lines = kernel, kernel.builder, lines
        self.op, self.result, self.element_type = output.node.op, output.result, output.node.element_type
        self.type: Attribute = type(self.op).TOTALS.get(self.element_type, self.element_type)
        """The element type of what is carried."""
        self.count = count or self._count()
        self.width = self.count * LINES
        """The lines that are scanned at once."""

    def _count(self) -> int:
        """The lines in a vector: neighbouring columns, or any lines where a step outweighs the loads."""
        if not self.lines.dims:
            return 1
        last = self.lines.dims[-1]
        if self.lines.offset.coefficients[last] != 1 and not self.op.EXPENSIVE:
            return 1
        types = [self.element_type, *(node.element_type for node in self.lines.operands)]
        return self.kernel.lanes_of(types, self.lines.extents[last])

    def each(self, body: Callable[[Sequence[LoopLevel]], None]) -> None:
        """Loops over all lines, as many at once as there are to be, then over those that are left."""
        if not self.lines.dims:
            body([self.kernel.root])
            return
        extent, width = self.lines.extents[self.lines.dims[-1]], self.width
        main = extent // width * width
        if main:
            self._nest((0, main, width), width, body)
        if main < extent:
            self._nest((main, extent, width), extent - main, body)

    def _nest(
        self,
        bounds: tuple[int, int, int],
        size: int,
        body: Callable[[Sequence[LoopLevel]], None],
    ) -> None:
        """The loops over all lines whose index along the last dim is in these bounds."""
        outer = self.lines.dims[:-1]

        def once(*indices: SSAValue) -> None:
            *others, start = indices
            at = dict(zip(outer, others, strict=True))
            level = self.kernel.root.inside(self.builder.insertion_point, at)
            body(self._levels(level, start, size))

        extents = [(0, self.lines.extents[dim], 1) for dim in outer]
        hints = [f"i{dim}" for dim in outer]
        self.builder.parallel([*extents, bounds], [*hints, "line"], once)

    def _levels(self, level: LoopLevel, start: SSAValue, size: int) -> list[LoopLevel]:
        """One level for each vector of lines, or each line."""
        last, levels = self.lines.dims[-1], list[LoopLevel]()
        for at in range(0, size, self.count):
            index = {last: self.builder.sum_of([(start, 1)], at, "line")}
            if self.count == 1:
                levels.append(level.inside(self.builder.insertion_point, index))
            else:
                lanes = Lanes(last, self.count)
                levels.append(at_lanes(self.kernel, level, index, lanes, min(self.count, size - at)))
        return levels

    # ---- along the lines ------------------------------------------------------------------------------------

    def scan(self, levels: Sequence[LoopLevel]) -> None:
        """Scans some lines."""
        self.go_on(levels, self.begin(levels), 1)

    def totals(self, levels: Sequence[LoopLevel]) -> list[Scalar]:
        """The last results of some lines, of which none is stored."""
        return self.go_on(levels, self.begin(levels, stores=False), 1, stores=False)

    def before_all(self) -> Scalar:
        """What is carried to the first element of a line, of a scan that may be split."""
        op = self.op
        return self.builder.number(type(op).FIRST if op.is_exclusive else op.neutral(), self.type)

    def begin(self, levels: Sequence[LoopLevel], *, stores: bool = True) -> list[Scalar]:
        """The results at the first elements of some lines."""
        states: list[Scalar] = []
        for level in levels:
            here = self._at(level, self.builder.index(0))
            state = self.op.begin(*self._elements(here))
            if stores:
                is_left_out, neutral = self.op.is_exclusive, type(self.op).FIRST
                self._store(here, self.builder.number(neutral, state.type) if is_left_out else state)
            states.append(state)
        return states

    def go_on(
        self, levels: Sequence[LoopLevel], states: Sequence[Scalar], first: int, *, stores: bool = True
    ) -> list[Scalar]:
        """The loop along some lines, from an element on whose predecessor has these results; gives the last ones."""
        if first == self.lines.length:
            return list(states)

        def once(number: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            following: list[SSAValue] = []
            for level, before in zip(levels, map(Scalar, carried), strict=True):
                here = self._at(level, number)
                state = self.op.step(before, *self._elements(here))
                if stores:
                    self._store(here, before if self.op.is_exclusive else state)
                state.value.name_hint = "so_far"
                following.append(state.value)
            return following

        carried = [state.value for state in states]
        return [Scalar(v) for v in self.builder.loop((first, self.lines.length, 1), "at", carried, once)]

    def _at(self, level: LoopLevel, index: SSAValue) -> LoopLevel:
        """The level of one element of a line."""
        along = self.lines.along
        return level.inside(self.builder.insertion_point, {} if along is None else {along: index})

    def _elements(self, here: LoopLevel) -> list[Scalar]:
        """The elements of the operands, in the type of what is carried."""
        if self.count == 1:
            values = here.values(self.lines.operands)
        else:
            values = [here.vector(operand) for operand in self.lines.operands]
        return [value.cast(self.type) for value in values]

    def _store(self, here: LoopLevel, value: Scalar) -> None:
        view = self.kernel.results[self.result]
        here.store(view, self.lines.offset, value.cast(self.element_type))
