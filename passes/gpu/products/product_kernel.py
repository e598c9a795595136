"""The kernel of a matrix product: each block computes a tile of the result, each thread some rows and columns of it.

for each tile of terms:
  all threads copy the tile of each factor to shared memory, 0 where there are no elements
  and begin to load the next tiles to their registers
  barrier
  for each term of the tile: each thread multiplies its elements of a column of A and of a row of B, and adds up
  barrier
for each of its results: each thread computes what the kernel makes of it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BarrierOp, BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.local_array import LocalArray, unrolled
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.gpu.products.operand_tile import Factor, OperandTile
from pullback.passes.gpu.products.product_space import ProductSpace
from pullback.passes.gpu.products.product_tiles import ProductTiles
from pullback.passes.gpu.products.thread_places import ThreadShare, number_of_thread
from pullback.passes.lowering.code_builder import index_op, located, named, result_of
from pullback.passes.lowering.nodes import Output

MOST_UNROLLED = 1024
"""So many products of a thread are code of their own: the elements of later terms are read ahead of their use."""
WORTH_UNROLLING = 32
"""Results of a thread; compilers unroll loops with fewer of them as far as registers go."""


def factors_of(space: ProductSpace, tiles: ProductTiles) -> tuple[Factor, Factor]:
    """The two factors of a product, whose tiles run along the rows and along the columns of the result."""
    a, b = space.product.operands
    return (
        Factor(a, space.rows, space.terms, tiles.rows, tiles.terms, tiles.threads),
        Factor(b, space.columns, space.terms, tiles.columns, tiles.terms, tiles.threads),
    )


class ProductKernel:
    """The kernel in which each block computes a tile of the result, or of one part of its sums.

    Args:
        parameters: those of the kernel.
        space: the product, and the dims of its batch, rows, columns and terms.
        tiles: what a block computes, and each of its threads.
    """

    def __init__(self, parameters: Parameters, space: ProductSpace, tiles: ProductTiles) -> None:
        self.space, self.tiles = space, tiles
        self.builder = KernelBuilder(parameters.signature.name, parameters.all(), tiles.threads)
        self.rows, self.columns = tiles.of_thread
        self.down, self.across = (
            ThreadShare(extent, size)
            for extent, size in zip((tiles.rows, tiles.columns), tiles.of_thread, strict=True)
        )
        self.element_type = space.product.element_type
        self.total_type = tiles.total_type(self.element_type, space.terms.size)

    def kernel(self, outputs: Sequence[Output]) -> GpuKernel:
        """Computes these outputs at each point of the result."""
        build, grid = self.builder, self.tiles.grid(self.space)
        with build.entering(build.block):
            self._find_place(grid)
            space = self.space
            changing = space.rows.numbers | space.columns.numbers | space.terms.numbers
            self.point.prepare(space.product.operands, changing)
            factors = factors_of(space, self.tiles)
            self.in_advance = self._fetches_in_advance(factors)
            self.a, self.b = (
                OperandTile(build, factor, name, self.thread, in_advance=self.in_advance)
                for factor, name in zip(factors, ("a_tile", "b_tile"), strict=True)
            )
            self.of_row = LocalArray(self.columns, self.element_type, "b_row")
            self.sums = LocalArray(self.rows * self.columns, self.element_type, "sums")
            self._store(self._form_sums(), outputs)
        return build.finish(blocks=prod(grid))

    def _fetches_in_advance(self, factors: Sequence[Factor]) -> bool:
        """Whether there are tiles to be fetched meanwhile, and registers: totals in higher precision need them all."""
        several = self.tiles.steps(self.space.terms.size) >= 2 * self.tiles.split
        even = all(factor.each is not None for factor in factors)
        return several and even and self.total_type == self.element_type

    def _find_place(self, grid: Sequence[int]) -> None:
        """The part and the tile that the block computes, and the first row and column of the thread in the tile."""
        build, tiles = self.builder, self.tiles
        self.thread = result_of(ThreadIdOp(), "thread")
        row, column = number_of_thread(build, self.thread, self.down.threads, self.across.threads)
        self.row = self.down.first(build, row, "row_in_tile")
        self.column = self.across.first(build, column, "column_in_tile")
        self.part, matrix, tile_row, tile_column = self._numbers(result_of(BlockIdOp(), "block"), grid)
        self.first_row = build.sum_of([(tile_row, tiles.rows)], 0, "first_row")
        self.first_column = build.sum_of([(tile_column, tiles.columns)], 0, "first_column")
        batch = self.space.batch
        self.point = Point(build, [Segment(batch, matrix)] if batch.size != 1 else [])

    def _numbers(self, block: SSAValue, grid: Sequence[int]) -> list[SSAValue]:
        """The number of the block along each dim of the grid; neighbouring blocks have rows in common."""
        build, numbers = self.builder, list[SSAValue]()
        for position, (extent, name) in enumerate(zip(grid, GRID, strict=True)):
            if extent == 1:
                numbers.append(build.index(0))
                continue
            number = build.quotient(block, prod(grid[position + 1 :]), name)
            outside = prod(grid[:position]) > 1
            numbers.append(build.remainder(number, extent, name) if outside else number)
        return numbers

    # ---- sums -------------------------------------------------------------------------------------------

    def _form_sums(self) -> LocalArray:
        """The thread's sums, row by row; long ones of blocks of terms, added up in higher precision."""
        build, (begin, end) = self.builder, self._range()
        if self.total_type == self.element_type:
            self._add_up(begin, end)
            return self.sums
        totals = LocalArray(self.sums.size, self.total_type, "totals")
        totals.fill(build, build.number(0, self.total_type))

        def block(start: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            block_end = build.sum_of([(start, 1)], LONG_PRODUCT, "block_end")
            self._add_up(start, result_of(index_op(arith.MinUIOp, block_end, end), "block_end"))

            def add(index: SSAValue) -> None:
                totals[index] = totals[index] + self.sums[index].cast(self.total_type)

            unrolled(build, totals.size, "i", add)
            return []

        build.loop_between((begin, end, build.index(LONG_PRODUCT)), "block_start", [], block)
        return totals

    def _range(self) -> tuple[SSAValue, SSAValue]:
        """The terms of this block's part: whole tiles, the last of which may exceed the terms that there are."""
        build, tiles = self.builder, self.tiles
        if tiles.split == 1:
            return build.index(0), build.index(self.space.terms.size)
        steps = tiles.steps(self.space.terms.size)

        def bound(offset: int, hint: str) -> SSAValue:
            number = build.sum_of([(self.part, steps)], offset, hint)
            return build.product(build.quotient(number, tiles.split, hint), tiles.terms, hint)

        return bound(0, "begin"), bound(steps, "end")

    def _add_up(self, begin: SSAValue, end: SSAValue) -> None:
        """The sums of the terms from `begin` to `end`, tile by tile."""
        build = self.builder
        self.sums.fill(build, build.number(0, self.element_type))

        def step(start: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            if self.in_advance:
                self.a.put()
                self.b.put()
                self._fetch(self._next(start))
            else:
                self._fetch(start)
            insert(BarrierOp())
            self._add_terms()
            insert(BarrierOp())
            return []

        if self.in_advance:
            self._fetch(begin, all_terms=True)
        build.loop_between((begin, end, build.index(self.tiles.terms)), "start", [], step)

    def _fetch(self, start: SSAValue, *, all_terms: bool = False) -> None:
        self.a.fetch(self.point, self.first_row, start, all_terms=all_terms)
        self.b.fetch(self.point, self.first_column, start, all_terms=all_terms)

    def _next(self, start: SSAValue) -> SSAValue:
        """Where the next tile of terms begins, which is the last one again behind that, unless it is masked there."""
        build, terms, size = self.builder, self.tiles.terms, self.space.terms.size
        following = build.sum_of([(start, 1)], terms, "next")
        if size % terms:
            return following
        return result_of(index_op(arith.MinUIOp, following, build.index(size - terms)), "next")

    def _add_terms(self) -> None:
        """Adds the products of the terms of the tiles; the next terms are read while those of one are added."""
        build, terms = self.builder, self.tiles.terms
        if self.sums.size >= WORTH_UNROLLING and terms * self.sums.size <= MOST_UNROLLED:
            unrolled(build, terms, "term", self._add_term)
        else:
            build.loop((0, terms, 1), "term", [], self._add_term_of_loop)

    def _add_term_of_loop(self, term: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
        self._add_term(term)
        return []

    def _add_term(self, term: SSAValue) -> None:
        """Adds the products of one term of the tiles."""
        build = self.builder

        def load(column: SSAValue) -> None:
            self.of_row[column] = self.b.load(term, self.across.place(build, self.column, column))

        def add_row(row: SSAValue) -> None:
            a = self.a.load(term, self.down.place(build, self.row, row))
            named(a.value, "a")

            def add(column: SSAValue) -> None:
                at = build.sum_of([(row, self.columns), (column, 1)], 0)
                before, origin = self.sums[at], self.space.product.op.location
                product = located(a * self.of_row[column], origin)
                self.sums[at] = located(before + product, origin)

            unrolled(build, self.columns, "c", add)

        unrolled(build, self.columns, "c", load)
        unrolled(build, self.rows, "r", add_row)

    # ---- results ----------------------------------------------------------------------------------------

    def _store(self, sums: LocalArray, outputs: Sequence[Output]) -> None:
        """Computes the outputs at the thread's results, those that exist."""
        build = self.builder

        def store_row(r: SSAValue) -> None:
            row = build.sum_of([(self.first_row, 1), (self.down.place(build, self.row, r), 1)], 0, "row")

            def store_column(c: SSAValue) -> None:
                place = self.across.place(build, self.column, c)
                column = build.sum_of([(self.first_column, 1), (place, 1)], 0, "column")

                def store() -> None:
                    total = sums[build.sum_of([(r, self.columns), (c, 1)], 0)]
                    self._store_result(row, column, total, outputs)

                self._where(self.space.columns.size, self.tiles.columns, column, store)

            self._where(
                self.space.rows.size,
                self.tiles.rows,
                row,
                lambda: unrolled(build, self.columns, "c", store_column),
            )

        unrolled(build, self.rows, "r", store_row)

    def _store_result(
        self, row: SSAValue, column: SSAValue, total: Scalar, outputs: Sequence[Output]
    ) -> None:
        parts = Dims(self.space.terms.first, (self.tiles.split,))
        places = (self.space.rows, row), (self.space.columns, column), (parts, self.part)
        here = [Segment(dims, number) for dims, number in places]
        point = Point(self.builder, [*self.point.segments, *here], self.point)
        point.known[self.space.product] = total if self.tiles.split > 1 else total.cast(self.element_type)
        point.store_outputs(outputs, point.inputs)

    def _where(self, extent: int, tile: int, place: SSAValue, body: Callable[[], None]) -> None:
        """Runs `body` where a place of a tile exists; always, where tiles fit."""
        if extent % tile:
            self.builder.when(result_of(CmpiOp(place, self.builder.index(extent), "ult"), "exists"), body)
        else:
            body()


GRID = ("part", "matrix", "tile_row", "tile_column")
"""The dims of the grid, outermost first."""
