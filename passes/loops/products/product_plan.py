"""The plan of a product: the block in registers, the blocks of the result, and how either operand is read.

Everything here follows from shapes and from the schedule, so that what is computed does not depend on how many threads
compute it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.products.blocking import Blocking, blocked
from pullback.passes.loops.products.large_product import LargeProduct
from pullback.passes.loops.products.operand_reading import (
    K_BLOCK,
    PRIVATE_BYTES,
    Reading,
    bytes_of,
    line_bytes,
    reading_of_a,
    reading_of_b,
    row_distance,
    rows_in_place,
)
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.lowering.vector_registers import (
    LARGE_ROWS,
    SMALL_OPERAND,
    evenly,
    last_width,
    product_tile,
    register_count,
)

BLOCK_ROWS, BLOCK_COLUMNS = 1024, 256
"""The most rows and columns of a block of the result: panels of columns are copied for all its rows."""
LONG_BLOCK_ROWS, LONG_BLOCK_COLUMNS = 512, 64
"""The same where sums are longer than `K_BLOCK`: those of a block are on the stack in higher precision."""
ENOUGH_BLOCKS = 16
"""Blocks of the result that several threads share well."""
LEAST_WORK = 1 << 21
"""Products of a block of the result below which it is not divided any more: about 20 microseconds."""
PACKED_TOGETHER = 16
"""How many panels are copied side by side, so that rows of the operand are read in long pieces."""
LARGE_PRODUCT = 5 << 19
"""Bytes of operands and result that leave the second cache, so that each row of A is read once for many columns."""
MANY_LINES = 512
"""Rows and columns of such a product: with 256 of either it took up to 5 % longer."""
SHORT_LINE = 2304
"""The most bytes of a line of terms that is summed up at once in such a product: with longer ones it gained nothing."""
MOST_RESUMED = 8192
"""The most terms of a sum whose blocks are added up in the type of the operands: as many additions as in a block."""
MANY_PRODUCTS = 1 << 28
"""Products, times the bytes of each, from which two terms in a trip of the loop are worth a longer code: counting takes
turns from FMAs, 2 to 5 % of them, and some 6 ms are spent on compiling."""
LEFT_REGISTERS = 8
"""Registers beside the sums that two terms in a trip need."""


@dataclass(frozen=True)
class ProductPlan:
    """The block in registers (`rows.width` by `columns.width`), blocks of the result, and blocks of terms."""

    rows: Blocking
    columns: Blocking
    count: int
    """The lanes of a register."""
    term_block: int
    """How many terms are summed up in registers; all of them if they are at most so many."""
    a: Reading
    b: Reading
    is_resumed: bool = False
    """Whether the sums of a block of terms are added to those before it where the results are to be stored."""
    terms_at_once: int = 1
    """How many terms a trip of the loop along them has, of which blocks have so many each."""
    terms_in_lanes: int = 0
    """How many terms are the lanes of a vector; 0 where the columns are."""

    @property
    def readings(self) -> tuple[Reading, Reading]:
        return self.a, self.b

    @property
    def vectors(self) -> int:
        """The registers of a row of a block; `panel_vectors` has the vectors that they are."""
        return self.columns.width // self.count

    @property
    def last_vectors(self) -> int:
        """The vectors of the last panel of columns: fewer than of others, where that pays for code of its own."""
        vectors = -(-self.columns.size // self.count)
        return self.vectors if self.is_resumed else last_width(vectors, self.vectors)

    @staticmethod
    def of(
        a: ProductOperand,
        b: ProductOperand,
        axes: ProductAxes,
        count: int,
        tile: Sequence[int],
        *,
        may_resume: bool,
    ) -> ProductPlan:
        """The plan for these operands, in vectors of `count` lanes, and in blocks of `tile` if that says something.

        `may_resume` tells whether sums so far have a place in a result.
        """
        m, n, k = axes.rows.size, axes.columns.size, axes.terms.size
        rows, vectors = register_block(a, m, n, count, tile)
        if may_resume and is_large(a, b):
            return resumed(a, b, axes, count, (rows, vectors))
        most_rows, most_columns = BLOCK_ROWS, BLOCK_COLUMNS
        if k > K_BLOCK:
            most_rows, most_columns = LONG_BLOCK_ROWS, LONG_BLOCK_COLUMNS
        panel = max(bytes_of(b) // max(n, 1), 1) * vectors * count
        if PRIVATE_BYTES // panel > 1:
            most_columns = min(most_columns, PRIVATE_BYTES // panel * vectors * count)
        row_blocks = blocked(m, rows, most_rows)
        column_blocks = blocked(n, vectors * count, most_columns)
        batch = prod(axes.batch.extents)
        while batch * row_blocks.blocks * column_blocks.blocks < ENOUGH_BLOCKS:
            height, width = row_blocks.step * rows, column_blocks.step * vectors * count
            if height * width * k < 2 * LEAST_WORK or (row_blocks.step == 1 and column_blocks.step == 1):
                break
            if column_blocks.step == 1:
                row_blocks = row_blocks.halved()
            else:
                column_blocks = column_blocks.halved()
        at_once = terms_at_once(a, axes, rows * vectors)
        term_block = evenly(max(k // at_once, 1), K_BLOCK // at_once) * at_once if k else 0
        return ProductPlan(
            row_blocks,
            column_blocks,
            count,
            term_block,
            reading_of_a(a, row_blocks, column_blocks),
            reading_of_b(b, row_blocks, column_blocks, term_block),
            terms_at_once=at_once,
        )


def is_large(a: ProductOperand, b: ProductOperand) -> bool:
    """Tells whether sums can be resumed, and the rows of A that meet a panel of columns leave the second cache.

    Or else operands and result leave it, and no sum is resumed. Where A has to be copied that gains nothing.
    """
    if not b.terms.is_single or a.terms.size > MOST_RESUMED or bytes_of(b) <= SMALL_OPERAND:
        return False
    if min(a.lines.size, BLOCK_ROWS) * line_bytes(a) > LARGE_ROWS:
        return True
    if max(line_bytes(a), line_bytes(b)) > SHORT_LINE or not rows_in_place(a):
        return False
    m, n = a.lines.size, b.lines.size
    result = m * n * bit_width(b.node.element_type) // 8
    return min(m, n) >= MANY_LINES and bytes_of(a) + bytes_of(b) + result > LARGE_PRODUCT


def resumed(
    a: ProductOperand, b: ProductOperand, axes: ProductAxes, count: int, tile: tuple[int, int]
) -> ProductPlan:
    """The plan of a large product: each row of A is read once for as many columns as a core's second cache holds.

    So the terms are in blocks, of which the columns of B are copied, and all rows meet them.
    """
    rows, columns = blocked(axes.rows.size, tile[0], 1), blocked(axes.columns.size, tile[1] * count, 1)
    large = LargeProduct(
        (rows.panels, columns.panels),
        (tile[0], tile[1] * count),
        axes.terms.size,
        bit_width(b.node.element_type) // 8,
        prod(axes.batch.extents),
    )
    blocks = large.blocks(min(K_BLOCK, axes.terms.size))
    rows, columns = rows.divided(blocks.down), columns.divided(blocks.across)
    at_once = terms_at_once(a, axes, tile[0] * tile[1])
    term_block = -(-axes.terms.size // (blocks.terms * at_once)) * at_once
    reading = Reading.IN_PLACE if rows_in_place(a) else Reading.SHARED
    return ProductPlan(
        rows,
        columns,
        count,
        term_block,
        reading,
        Reading.PRIVATE,
        is_resumed=True,
        terms_at_once=at_once,
    )


def terms_at_once(a: ProductOperand, axes: ProductAxes, sums: int) -> int:
    """How many terms a trip of the loop along them has: two in large products of an even number of terms.

    LLVM loads early what the second term multiplies, so some registers must be left beside the sums: with 28 of them
    in 32 it kept a hundred vectors on the stack, and 512x512x784 took 1.9 times as long.
    """
    moved = prod(axes.batch.extents) * axes.columns.size * bytes_of(a)
    has_room = register_count(a.kernel.vector_bits) - sums >= LEFT_REGISTERS
    return 2 if moved >= MANY_PRODUCTS and axes.terms.size % 2 == 0 and has_room else 1


def register_block(a: ProductOperand, m: int, n: int, count: int, tile: Sequence[int]) -> tuple[int, int]:
    """Rows and vectors of the block in registers: those of `tile`, or what takes the fewest cycles.

    Blocks are as equal as can be, so that the last ones are nearly full.
    """
    if len(tile) == 2:
        rows, vectors = tile[0], -(-tile[1] // count)
    else:
        rows, vectors = product_tile(
            m,
            n,
            a.terms.size,
            count,
            a.kernel.vector_bits,
            row_bytes=row_distance(a),
            fmas=a.kernel.fmas,
        )
    return evenly(max(m, 1), rows), evenly(max(-(-n // count), 1), vectors)
