"""Pointwise kernels with inputs that are read across the output, which go through shared memory.

Of y[i, j] = x[j, i], x has its neighbours along i, and y along j. A block takes a tile of points, 32 along each. Its
threads load %x side by side along i, wait for each other, and compute the same points side by side along j:

    scf.for %step = %c0 to %c4 step %c1 {          // 8 rows of the tile at once
      %x_1 = memref.load %x[…%lane along i, %row + 8 * %step along j…]
      memref.store %x_1, %tile[(%row + 8 * %step) * 33 + %lane]
    }
    gpu.barrier
    scf.for %step = %c0 to %c4 step %c1 {
      %x_2 = memref.load %tile[%lane * 33 + %row + 8 * %step]
      memref.store %x_2, %y[…%row + 8 * %step along i, %lane along j…]
    }

Rows are a column longer than the tile, so that neither side has two threads of a warp at one bank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.dialects import memref
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BarrierOp, BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.loop_nests import LoopNest
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, result_of
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.strided_layout import StridedLayout


def staged(
    name: str,
    parameters: Sequence[Parameter],
    nest: LoopNest,
    across: tuple[int, Sequence[Load]],
    shape: tuple[Sequence[int], int],
    body: Callable[[Point], None],
) -> GpuKernel:
    """A kernel that runs `body` at each point of a nest, where some loads are known.

    Args:
        name: of the kernel.
        parameters: of the kernel.
        nest: whose points these are.
        across: the dim along which elements of the loads are neighbours, and these loads.
        shape: the extents of a tile along that dim and along the outputs' last, and the threads of a block.
        body: what one point computes.
    """
    (dim, loads), (tile, threads) = across, shape
    assert nest.last is not None
    builder = KernelBuilder(name, parameters, threads)
    with builder.entering(builder.block):
        tiles = _Tiles(builder, nest, (dim, nest.last), tile)
        views = [tiles.copied(load) for load in loads]
        insert(BarrierOp())
        tiles.at_points(views, loads, body)
    return builder.finish(tiles.count)


@dataclass(frozen=True)
class _Along:
    """One side of a tile: a dim, the points along it, and where the tile begins."""

    dim: int
    extent: int
    points: int
    start: SSAValue

    @property
    def is_whole(self) -> bool:
        """Whether each tile has all its points."""
        return self.extent % self.points == 0 and self.extent > 0


@dataclass(frozen=True)
class _Row:
    """The row of a tile that a thread works on at a step, and its lane there."""

    first: SSAValue
    lane: SSAValue
    step: SSAValue
    at_once: int
    point: Point

    def cell(self, of_rows: int, of_lanes: int) -> list[Term]:
        """The thread's cell in shared memory, of these distances from row to row and from lane to lane."""
        return [(self.first, of_rows), (self.lane, of_lanes), (self.step, self.at_once * of_rows)]


class _Stepped(Point):
    """A point so many steps further along a dim: offsets are those at step 0, computed before the loop, and so much
    more."""

    def __init__(self, start: Point, step: SSAValue, dim: int, distance: int) -> None:
        assert isinstance(start.builder, KernelBuilder)
        super().__init__(start.builder, start.segments)
        self._start, self._step, self._dim, self._distance = start, step, dim, distance

    def terms(self, offset: Affine) -> tuple[Sequence[Term], int]:
        with inserting(self._start.insertion_point):
            terms, constant = self._start.terms(offset)
        further = offset.coefficients[self._dim] * self._distance
        return [*terms, *([(self._step, further)] if further else [])], constant


class _Tiles:
    """The tile of a block: which points it holds, and which of these a thread works on at each step."""

    def __init__(
        self, builder: KernelBuilder, nest: LoopNest, dims: tuple[int, int], tile: Sequence[int]
    ) -> None:
        self._builder, self._nest = builder, nest
        block, self._thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        counts = [-(-nest.extents[dim] // points) for dim, points in zip(dims, tile, strict=True)]
        others = prod(n for d, n in enumerate(nest.extents) if d not in dims)
        outer = builder.quotient(block, counts[1], "outer")
        if others != 1:
            self._outer, outer = (
                builder.quotient(outer, counts[0], "matrix"),
                builder.remainder(outer, counts[0]),
            )
        else:
            self._outer = builder.index(0)
        numbers = [outer, builder.remainder(block, counts[1], "tile")]
        self._sides = [
            _Along(dim, nest.extents[dim], points, builder.product(number, points, "start"))
            for dim, points, number in zip(dims, tile, numbers, strict=True)
        ]
        self.count = prod(counts) * others

    def copied(self, load: Load) -> BufferView:
        """Copies the elements of a load into shared memory, threads side by side along the first side."""
        builder = self._builder
        across, along = self._sides
        source = builder.views[load.argument]
        raw = replace(source, element_type=source.memory_type)
        size = along.points * (across.points + 1)
        shared = builder.allocate_shared(size, source.memory_type)
        value = result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), "tile")
        tile = BufferView(value, StridedLayout((size,), (1,)), source.memory_type)

        def copy(row: _Row) -> None:
            element = row.point.load(raw, load.offset)
            tile.store(builder, element, row.cell(across.points + 1, 1), 0)

        self._rows(across, along, copy)
        return replace(tile, element_type=source.element_type)

    def at_points(
        self, tiles: Sequence[BufferView], loads: Sequence[Load], body: Callable[[Point], None]
    ) -> None:
        """Runs `body` at each point, threads side by side along the second side; the loads are known there."""
        across, along = self._sides

        def visit(row: _Row) -> None:
            for tile, load in zip(tiles, loads, strict=True):
                row.point.known[load] = tile.load(self._builder, row.cell(1, across.points + 1), 0)
            body(row.point)

        self._rows(along, across, visit)

    def _rows(self, lanes: _Along, rows: _Along, body: Callable[[_Row], None]) -> None:
        """Runs `body` at all points of the tile, neighbouring threads side by side along one of its sides."""
        builder = self._builder
        lane = builder.remainder(self._thread, lanes.points, "lane")
        first = builder.quotient(self._thread, lanes.points, "first")
        at_once = builder.threads // lanes.points
        along_lanes = builder.sum_of([(lanes.start, 1), (lane, 1)], 0, "along_lanes")

        def all_rows() -> None:
            along_rows = builder.sum_of([(rows.start, 1), (first, 1)], 0, "along_rows")
            point = self._point({lanes.dim: along_lanes, rows.dim: along_rows})

            def step(number: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
                row = builder.sum_of([(number, at_once), (along_rows, 1)], 0, "row")

                def inside() -> None:
                    body(_Row(first, lane, number, at_once, _Stepped(point, number, rows.dim, at_once)))

                self._where(rows, row, inside)
                return []

            if rows.points == at_once:
                step(builder.index(0), [])
            else:
                builder.loop((0, rows.points // at_once, 1), "step", [], step)

        self._where(lanes, along_lanes, all_rows)

    def _where(self, side: _Along, number: SSAValue, body: Callable[[], None]) -> None:
        """Inserts `body` where there is such a number along a side; no test where each tile has all its points."""
        if side.is_whole:
            body()
            return
        inside = result_of(CmpiOp(number, self._builder.index(side.extent), "ult"), "inside")
        self._builder.when(inside, body)

    def _point(self, coordinates: dict[int, SSAValue]) -> Point:
        """The point with these coordinates in the matrix of this block."""
        first, second = sorted(coordinates)
        extents = self._nest.extents
        between = extents[first + 1 : second]
        segments = [
            Segment(Dims(0, extents[:first]), self._builder.quotient(self._outer, prod(between), "outer")),
            Segment(Dims(first, extents[first : first + 1]), coordinates[first]),
            Segment(Dims(first + 1, between), self._builder.remainder(self._outer, prod(between), "inner")),
            Segment(Dims(second, extents[second:]), coordinates[second]),
        ]
        return Point(self._builder, segments)
