"""Reads across the lanes of a pointwise kernel, as of the transpose of a matrix: in squares that are turned around.

Where the loops go along the columns of y, and x lies by its columns,

    y[i, j] = f(x[j, i])

would gather each vector from as many lines of the cache as it has lanes, which lie in few sets of it. In squares each
line is read once for all elements that it has of a square, at an edge of fewer:

    for each square at (i, j):
      for each lane n:   square[n, :] = x[j + n, i : i + lanes]
      turned = square transposed
      for each m:        y[i + m, j : j + lanes] = f(turned[m, :])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.square_transposition import FEWEST_TURNED, SquareTransposition
from pullback.passes.loops.streamed_reads import is_far
from pullback.passes.loops.vector_access import load_vector
from pullback.passes.loops.vectors import Lanes, mask_of_first, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.strided_layout import StridedLayout

FEWEST_LANES = 4
"""Lanes of a vector from which a square reads fewer lines than it has elements."""
SQUARES_AHEAD = 2
"""Where the loops go on along the lines, which are far from each other, what so many squares further reads of them is
fetched: NHWC of 32 x 64 x 28 x 28 takes 0.3 of the time with it, of 8 x 96 x 56 x 56 0.7; 1 and 3 gain less."""
FEW_LINES = 1 / 4
"""The part of a vector's lanes up to which lines behind whole squares are not turned around, but gathered."""


@dataclass(frozen=True)
class TurnedReads:
    """The loads of a nest of loops that lie along one of its outer dims, and its squares of that dim and the lanes."""

    kernel: KernelFunction
    dims: Sequence[int]
    along: int
    """The dim along which the elements of the loads are neighbours."""
    loads: Sequence[Load]
    compute: Callable[[LoopLevel], None]

    @staticmethod
    def of(
        kernel: KernelFunction, dims: Sequence[int], compute: Callable[[LoopLevel], None]
    ) -> TurnedReads | None:
        """The reads to turn around, if there are any, where squares have use for most of their lines."""
        *outer, lane = dims
        extents, count = kernel.space.extents, kernel.lanes_along(lane)
        if count < FEWEST_LANES or prod(extents[d] for d in dims) < FEWEST_TURNED:
            return None
        loads = [n for n in kernel.nodes if isinstance(n, Load) and n.is_plain and n.dims <= {*dims}]
        for along in outer:
            crossing = [
                n
                for n in loads
                if abs(n.offset.coefficients[lane]) > 1
                and n.offset.coefficients[along] == 1
                and bit_width(n.element_type) == bit_width(kernel.root.inputs[n.argument].memory_type) >= 32
            ]
            if crossing and extents[along] > count // 2:
                return TurnedReads(kernel, dims, along, crossing, compute)
        return None

    def lower(self) -> None:
        """Emits the loops over squares, parallel but along the lanes, and within each those over its vectors."""
        *outer, lane = self.dims
        kernel, builder, count = self.kernel, self.kernel.builder, self._count
        whole = kernel.space.extents[lane] // count * count

        def squares(*indices: SSAValue) -> None:
            around = dict(zip(outer, indices, strict=True))
            size = self._size(around[self.along])
            buffers = [self._buffers(node) for node in self.loads]

            def square(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._square({**around, lane: start}, size, buffers, count)
                return []

            if whole:
                builder.loop((0, whole, count), "i", [], square)
            rest = kernel.space.extents[lane] - whole
            if rest > FEW_LINES * count:
                self._square({**around, lane: builder.index(whole)}, size, buffers, rest)
            elif rest:
                self._vectors({**around, lane: builder.index(whole)}, size, [], rest)

        bounds = [(0, kernel.space.extents[d], count if d == self.along else 1) for d in outer]
        builder.parallel(bounds, [f"i{d}" for d in outer], squares)

    def _square(
        self,
        at: dict[int, SSAValue],
        size: SSAValue,
        buffers: Sequence[tuple[SquareTransposition, BufferView]],
        lines: int,
    ) -> None:
        """Emits one square, of which so many lanes and so many vectors exist."""
        for node, (turned, target) in zip(self.loads, buffers, strict=True):
            self._turn(node, at, size, turned, lines)
            turned.store(target, [])
        self._vectors(at, size, [target for _, target in buffers], lines)

    def _size(self, start: SSAValue) -> SSAValue:
        """The vectors of the squares at a place: fewer in the last ones."""
        extent, builder = self.kernel.space.extents[self.along], self.kernel.builder
        if extent % self._count == 0:
            return builder.index(self._count)
        return builder.at_most(builder.minus(builder.index(extent), start), self._count)

    @property
    def _count(self) -> int:
        return self.kernel.lanes_along(self.dims[-1])

    def _buffers(self, node: Load) -> tuple[SquareTransposition, BufferView]:
        """What turns the elements of a load around, and where they are then."""
        kernel, count = self.kernel, self._count
        layout = StridedLayout((count, count), (count, 1))
        target = kernel.builder.on_stack(layout.shape, node.element_type, "turned")
        square = SquareTransposition.of(kernel, node.element_type, count, Lanes(self.along, count))
        return square, BufferView(target, layout, node.element_type)

    def _turn(
        self, node: Load, at: dict[int, SSAValue], size: SSAValue, turned: SquareTransposition, lines: int
    ) -> None:
        """Puts the elements that a square has of a load where they are turned around, one lane after the other."""
        builder, lane = self.kernel.builder, self.dims[-1]
        is_next = self.along == self.dims[-2]
        is_whole = self.kernel.space.extents[self.along] % self._count == 0
        lanes = replace(turned.lanes, mask=None if is_whole else mask_of_first(size, self._count))

        def line(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            steps = node.offset.coefficients
            terms = [(at[d], c) for d, c in enumerate(steps) if c]
            view = self.kernel.root.inputs[node.argument]
            here = [*terms, (number, steps[lane])]
            if is_next and is_far(view):
                view.fetch(builder, here, node.offset.constant + SQUARES_AHEAD * self._count)
            turned.put(number, load_vector(view, builder, lanes, here, node.offset.constant, 1))
            return []

        builder.loop((0, lines, 1), "lane", [], line)
        nothing = builder.number(0, vector_type(node.element_type, self._count))
        for number in range(lines, self._count):
            turned.put(builder.index(number), nothing)

    def _vectors(
        self, at: dict[int, SSAValue], size: SSAValue, turned: Sequence[BufferView], lines: int
    ) -> None:
        """Computes the vectors of a square, one after the other."""
        kernel, builder, lane = self.kernel, self.kernel.builder, self.dims[-1]
        count = self._count if turned else 1 << (lines - 1).bit_length()
        lanes = Lanes(lane, count, None if lines == count else tail_mask(builder, lines, count))
        fixed = {d: index for d, index in at.items() if d != self.along}
        level = kernel.root.inside(builder.insertion_point, fixed, lanes)

        def vector(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            index = builder.sum_of([(at[self.along], 1), (number, 1)], 0, f"i{self.along}")
            here = level.inside(builder.insertion_point, {self.along: index})
            for node, view in zip(self.loads, turned, strict=bool(turned)):
                here.kept[node] = _loaded(view, number, Lanes(lane, self._count))
            self.compute(here)
            return []

        builder.loop_between((builder.index(0), size, builder.index(1)), "m", [], vector)


def _loaded(view: BufferView, row: SSAValue, lanes: Lanes) -> Callable[[LoopLevel], Scalar]:
    """What loads a row of a square."""
    return lambda level: load_vector(view, level.builder, lanes, [(row, lanes.count)], 0, 1)
