"""Tiles of a matrix product: what a block computes, what each of its threads, and what they are by default.

The schedule of a product of 1024 x 4096 x 512 is, in full,

    schedule<kind = matmul, parallel = [1024, 4096], reduce = [512],
             gpu = {threads = 256, split = 1, tile = [64, 64, 16]}>

A block computes 64 x 64 results in steps of 16 terms; each of its 256 threads 4 x 4 of them. Defaults are functions of
the shape alone, so that results do not depend on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import Attribute

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning, Schedule
from pullback.dialects.graph.tensor.accumulators import LONG_PRODUCT, TOTALS
from pullback.passes.gpu.gpu_limits import BUSY_BLOCKS, MOST_THREADS
from pullback.passes.gpu.kernel_builder import WARP
from pullback.passes.gpu.lines.line_mapping import power_from
from pullback.passes.gpu.products.product_space import ProductSpace
from pullback.passes.lowering.space import schedule_of

MOST_RESULTS = 64
"""The most results of a thread: each is a register of its own."""
MOST_COPIES = 16
"""The most elements of a tile that a thread copies, where it may have fewer results for that."""
LARGE, SMALL = 64, 16
"""Rows and columns of a tile: those of large products, and down to what they shrink for more blocks."""
MOST_BLOCKS = 1024
"""To so many blocks long sums are split."""
WORK_OF_THREAD = 1 << 10
"""So many products of a thread are worth another block where sums are long."""
SMALL_WORK = 1 << 20
"""So many products run on fewer blocks, in parts of `SHORTEST_PART` terms or more."""
SHORTEST_PART = 256


@dataclass(frozen=True)
class ProductTiles:
    """The tiles of a product.

    Args:
        rows: of the results that a block computes.
        columns: of these results.
        terms: how many terms of the sums are in shared memory at a time.
        threads: of a block.
        split: in how many parts the sums are formed.
    """

    rows: int
    columns: int
    terms: int
    threads: int
    split: int

    @staticmethod
    def of(tuning: GpuTuning) -> ProductTiles:
        """The tiles of a schedule that leaves nothing open."""
        assert tuning.threads is not None
        assert tuning.split is not None
        rows, columns, terms = tuning.tile
        return ProductTiles(rows, columns, terms, tuning.threads, tuning.split)

    @property
    def of_thread(self) -> tuple[int, int]:
        """The rows and columns of results of each thread: as square as possible."""
        results = max(self.rows * self.columns // self.threads, 1)
        columns = min(1 << results.bit_length() // 2, self.columns, results)
        rows = min(results // columns, self.rows)
        return rows, results // rows

    def grid(self, space: ProductSpace) -> tuple[int, ...]:
        """How many parts, matrices of the batch, tiles down and tiles across the results of a product take."""
        down, across = -(-space.rows.size // self.rows), -(-space.columns.size // self.columns)
        return self.split, space.batch.size, down, across

    def steps(self, terms: int) -> int:
        """How many tiles so many terms take."""
        return -(-terms // self.terms)

    def total_type(self, element_type: Attribute, terms: int) -> Attribute:
        """In which dtype blocks of a sum of so many terms, or of a part of it, are added up."""
        longest = min(-(-self.steps(terms) // self.split) * self.terms, terms)
        return TOTALS.get(element_type, element_type) if longest >= 2 * LONG_PRODUCT else element_type


def tune(kernel: Kernel) -> Schedule:
    """The schedule of a product with its tile, threads and split."""
    schedule, space = schedule_of(kernel), ProductSpace.of_kernel(kernel)
    given = schedule.gpu
    tile = given.tile or default_tile(space, given.threads)
    threads = given.threads or default_threads(*tile)
    whole = replace(given, tile=tile, threads=threads, split=1)
    split = default_split(space, ProductTiles.of(whole)) if given.split is None else given.split
    return replace(schedule, gpu=replace(whole, split=split))


def default_tile(space: ProductSpace, threads: int | None) -> tuple[int, int, int]:
    """Tiles of 64 x 64, or less where there are fewer results, or too few blocks; each thread has a result."""
    rows, columns = (min(power_from(dims.size), LARGE) for dims in (space.rows, space.columns))
    least, most = threads or WARP, (threads or MOST_THREADS) * MOST_RESULTS

    def blocks() -> int:
        return space.batch.size * -(-space.rows.size // rows) * -(-space.columns.size // columns)

    while rows * columns > max(SMALL * SMALL, least) and (blocks() < BUSY_BLOCKS or rows * columns > most):
        rows, columns = (rows // 2, columns) if rows >= columns else (rows, columns // 2)
    while rows * columns < least:
        rows, columns = (rows, columns * 2) if rows >= columns else (rows * 2, columns)
    terms = SMALL if rows * columns >= 4 * SMALL * SMALL else 2 * SMALL
    return rows, columns, min(power_from(space.terms.size), terms)


def default_threads(rows: int, columns: int, terms: int) -> int:
    """4 to 16 results for each thread, or fewer where it would copy more than 16 elements of a tile."""
    results, copied = rows * columns, (rows + columns) * terms
    each = 16 if results >= LARGE * LARGE else 8 if results >= 4 * SMALL * SMALL else 4
    wanted = max(results // each, results // MOST_RESULTS, power_from(copied // MOST_COPIES))
    return min(max(min(wanted, results), WARP), MOST_THREADS)


def default_split(space: ProductSpace, tiles: ProductTiles) -> int:
    """Parts for long sums where there are few results, so that there are enough blocks."""
    terms, work, blocks = space.terms.size, space.results * space.terms.size, prod(tiles.grid(space))
    if not work or blocks >= BUSY_BLOCKS:
        return 1
    wanted = max(BUSY_BLOCKS, min(MOST_BLOCKS, work // (WORK_OF_THREAD * tiles.threads)))
    most = tiles.steps(terms) if work > SMALL_WORK else terms // SHORTEST_PART
    return max(min(-(-wanted // blocks), most), 1)
