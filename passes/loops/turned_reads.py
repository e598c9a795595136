"""Reads across the lanes of a pointwise kernel, as of the transpose of a matrix: in squares that are turned around.

Where the loops go along the columns of y, and x lies by its columns,

    y[i, j] = f(x[j, i])

would gather each vector from as many lines of the cache as it has lanes, which lie in few sets of it. In squares each
line is read once for all elements that it has of a square:

    for each square at (i, j):
      for each lane n:   square[n, :] = x[j + n, i : i + lanes]
      turned = square transposed
      for each m:        y[i + m, j : j + lanes] = f(turned[m, :])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.square_transposition import FEWEST_TURNED, SquareTransposition
from pullback.passes.loops.vector_access import load_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.strided_layout import StridedLayout

FEWEST_LANES = 4
"""Lanes of a vector from which a square reads fewer lines than it has elements."""


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
        """The reads to turn around, if there are any, where whole squares make up all there is."""
        *outer, lane = dims
        extents, count = kernel.space.extents, kernel.lanes_along(lane)
        if count < FEWEST_LANES or extents[lane] % count or prod(extents[d] for d in dims) < FEWEST_TURNED:
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
            if crossing and extents[along] % count == 0:
                return TurnedReads(kernel, dims, along, crossing, compute)
        return None

    def lower(self) -> None:
        """Emits the loops over squares, parallel but along the lanes, and within each those over its vectors."""
        *outer, lane = self.dims
        kernel, builder, count = self.kernel, self.kernel.builder, self._count

        def squares(*indices: SSAValue) -> None:
            around = dict(zip(outer, indices, strict=True))
            buffers = [self._buffers(node) for node in self.loads]

            def square(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                at = {**around, lane: start}
                for node, (turned, target) in zip(self.loads, buffers, strict=True):
                    self._turn(node, at, turned)
                    turned.store(target, [])
                self._vectors(at, [target for _, target in buffers])
                return []

            builder.loop((0, kernel.space.extents[lane], count), "i", [], square)

        bounds = [(0, kernel.space.extents[d], count if d == self.along else 1) for d in outer]
        builder.parallel(bounds, [f"i{d}" for d in outer], squares)

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

    def _turn(self, node: Load, at: dict[int, SSAValue], turned: SquareTransposition) -> None:
        """Puts the elements that a square has of a load where they are turned around, one lane after the other."""
        builder, lane = self.kernel.builder, self.dims[-1]

        def line(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            steps = node.offset.coefficients
            terms = [(at[d], c) for d, c in enumerate(steps) if c]
            view = self.kernel.root.inputs[node.argument]
            here = [*terms, (number, steps[lane])]
            turned.put(number, load_vector(view, builder, turned.lanes, here, node.offset.constant, 1))
            return []

        builder.loop((0, self._count, 1), "lane", [], line)

    def _vectors(self, at: dict[int, SSAValue], turned: Sequence[BufferView]) -> None:
        """Computes the vectors of a square, one after the other."""
        kernel, builder, lane = self.kernel, self.kernel.builder, self.dims[-1]
        lanes = Lanes(lane, self._count)
        fixed = {d: index for d, index in at.items() if d != self.along}
        level = kernel.root.inside(builder.insertion_point, fixed, lanes)

        def vector(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            index = builder.sum_of([(at[self.along], 1), (number, 1)], 0, f"i{self.along}")
            here = level.inside(builder.insertion_point, {self.along: index})
            for node, view in zip(self.loads, turned, strict=True):
                here.kept[node] = _loaded(view, number, lanes)
            self.compute(here)
            return []

        builder.loop((0, self._count, 1), "m", [], vector)


def _loaded(view: BufferView, row: SSAValue, lanes: Lanes) -> Callable[[LoopLevel], Scalar]:
    """What loads a row of a square."""
    return lambda level: load_vector(view, level.builder, lanes, [(row, lanes.count)], 0, 1)
