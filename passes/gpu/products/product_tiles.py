"""Tiles of a matrix product: what a block computes, what each of its threads, and what they are by default.

The schedule of a product of 1024 x 4096 x 512 is, in full,

    schedule<kind = matmul, parallel = [1024, 4096], reduce = [512],
             gpu = {threads = 256, split = 1, tile = [128, 128, 8]}>

A block computes 128 x 128 results in steps of 8 terms; each of its 256 threads 8 x 8 of them. Products with fewer
results have smaller tiles, and long sums are formed in parts, each short enough for the precision of its elements.
Defaults are functions of the shape alone, so that results do not depend on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import Attribute

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning, Schedule
from pullback.dialects.graph.op.scalar import bit_width
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
LARGEST = 128, 128, 8
"""The tile where its blocks keep a device busy, two on each processor. On an H200 products of 4096 x 4096 x 4096 in f32
run at 45 TFLOP/s by it, and at 29 by tiles of 64 x 64 x 16; a block of such terms takes half of the registers."""
THREADS_OF_LARGEST = 256
MOST_WASTE = 1.25
"""Results of blocks for each that there is: those beyond the edges are computed and not stored."""
LARGE, SMALL = 64, 16
"""Rows and columns of a tile of other products, and down to what they shrink for more blocks."""
MOST_BLOCKS = 1024
"""To so many blocks long sums are split."""
WORK_OF_THREAD = 1 << 10
"""So many products of a thread are worth another block where sums are long."""
SMALL_WORK = 1 << 20
"""So many products run on fewer blocks, in parts of `SHORTEST_PART` terms or more."""
SHORTEST_PART = 256
MOST_SCRATCH = 2
"""The parts of long sums take up to so many times the memory of the factors and the result."""


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
    """The largest tile, or tiles of 64 x 64, or less for fewer results, or too few blocks; each thread has a result."""
    if threads in (None, THREADS_OF_LARGEST) and is_for_largest(space):
        return LARGEST
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


def is_for_largest(space: ProductSpace) -> bool:
    """Whether there are results enough for the largest tile, of which little is wasted, and registers for its sums."""
    rows, columns, terms = LARGEST
    down, across = -(-space.rows.size // rows), -(-space.columns.size // columns)
    waste = down * rows * across * columns / max(space.rows.size * space.columns.size, 1)
    tiles = ProductTiles(rows, columns, terms, THREADS_OF_LARGEST, 1)
    tiles = replace(tiles, split=parts_of_long_sums(space, tiles))
    element_type = space.product.element_type
    return (
        space.batch.size * down * across >= 2 * BUSY_BLOCKS
        and waste <= MOST_WASTE
        and space.terms.size >= terms
        and bit_width(element_type) <= 32
        and tiles.total_type(element_type, space.terms.size) == element_type
    )


def default_threads(rows: int, columns: int, terms: int) -> int:
    """4 to 16 results for each thread, or fewer where it would copy more than 16 elements of a tile."""
    if (rows, columns, terms) == LARGEST:
        return THREADS_OF_LARGEST
    results, copied = rows * columns, (rows + columns) * terms
    each = 16 if results >= LARGE * LARGE else 8 if results >= 4 * SMALL * SMALL else 4
    wanted = max(results // each, results // MOST_RESULTS, power_from(copied // MOST_COPIES))
    return min(max(min(wanted, results), WARP), MOST_THREADS)


def default_split(space: ProductSpace, tiles: ProductTiles) -> int:
    """Parts for long sums: short ones, and where there are few results so many that there are enough blocks."""
    terms, work, blocks = space.terms.size, space.results * space.terms.size, prod(tiles.grid(space))
    if not work:
        return 1
    parts = parts_of_long_sums(space, tiles)
    if blocks >= BUSY_BLOCKS:
        return parts
    wanted = max(BUSY_BLOCKS, min(MOST_BLOCKS, work // (WORK_OF_THREAD * tiles.threads)))
    most = tiles.steps(terms) if work > SMALL_WORK else terms // SHORTEST_PART
    return max(min(max(-(-wanted // blocks), parts), most), 1)


def parts_of_long_sums(space: ProductSpace, tiles: ProductTiles) -> int:
    """So many parts that none needs totals in higher precision, which take registers; 1 if they took much memory."""
    element_type, terms = space.product.element_type, space.terms.size
    if element_type not in TOTALS:
        return 1
    parts = -(-tiles.steps(terms) // ((2 * LONG_PRODUCT - 1) // tiles.terms))
    factors = (space.rows.size + space.columns.size) * terms * space.batch.size
    return parts if parts * space.results <= MOST_SCRATCH * (factors + space.results) else 1
