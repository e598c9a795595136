"""The plan of a product whose terms are the lanes of vectors, since its columns are few: see `few_columns.py`."""

from __future__ import annotations

from math import prod

from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.products.blocking import Blocking, blocked
from pullback.passes.loops.products.operand_reading import (
    K_BLOCK,
    PRIVATE_BYTES,
    SMALL_PANEL,
    Reading,
    bytes_of,
)
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.products.product_plan import BLOCK_ROWS, ENOUGH_BLOCKS, LEAST_WORK, ProductPlan
from pullback.passes.lowering.vector_registers import evenly, register_count

MOST_COLUMNS = 12
"""With more columns so few rows have room in registers that more is loaded than multiplied."""
MERGE = 2.5
"""The cycles in which two vectors become one of sums of halves: two shuffles, and an addition."""
TURN = 5
"""The cycles in which a vector of the columns of a term is copied, with those of other terms turned around."""
NARROW = 0.6
"""The part of its cycles that a product takes in half a register, or less: some machines multiply two of them at once,
but load no more elements."""
FAR_COLUMNS = 6
"""Columns at once where all of them leave the first cache: with so many rows, less than half as much is loaded."""
GAIN = 0.95
"""The part of the cycles of columns as lanes that those of terms as lanes have to be."""


def few_column_plan(
    a: ProductOperand, b: ProductOperand, axes: ProductAxes, columns_in_lanes: int
) -> ProductPlan | None:
    """The plan with the terms as lanes; None where that takes no fewer cycles than columns as lanes."""
    rows, columns, terms = axes.rows.size, axes.columns.size, axes.terms.size
    lanes = a.kernel.lanes_along(axes.terms.last) if axes.terms.is_single else 1
    if not (
        1 < columns <= MOST_COLUMNS and lanes <= terms <= K_BLOCK * lanes and a.is_contiguous(axes.terms)
    ):
        return None
    if lanes < 2 or bytes_of(b) > PRIVATE_BYTES:
        return None
    bits = columns_in_lanes * bit_width(b.node.element_type)
    each = terms * -(-columns // columns_in_lanes) * (NARROW if 2 * bits <= a.kernel.vector_bits else 1)
    along = columns * -(-terms // lanes) + MERGE * merges(columns, lanes)
    turn = TURN * terms * -(-columns // lanes)
    if rows * along + turn > GAIN * rows * each:
        return None
    most = max((register_count(a.kernel.vector_bits) - 1) // (columns_at_once(b) + 1), 1)
    height = evenly(rows, most)
    blocks = blocked(rows, height, BLOCK_ROWS)
    while prod(axes.batch.extents) * blocks.blocks < ENOUGH_BLOCKS and blocks.step > 1:
        if blocks.step * height * columns * terms < 2 * LEAST_WORK:
            break
        blocks = blocks.halved()
    width = -(-columns // columns_in_lanes) * columns_in_lanes
    return ProductPlan(
        blocks,
        Blocking(columns, width, 1),
        columns_in_lanes,
        terms,
        Reading.IN_PLACE,
        Reading.SHARED,
        terms_in_lanes=lanes,
    )


def columns_at_once(b: ProductOperand) -> int:
    """How many columns meet the rows of a block in registers: all, unless they come from the second cache."""
    return evenly(b.lines.size, FAR_COLUMNS) if bytes_of(b) > SMALL_PANEL else b.lines.size


def merges(vectors: int, lanes: int) -> int:
    """How many pairs of vectors are merged until each lane is a sum."""
    count = 0
    while lanes > 1:
        vectors, lanes = -(-vectors // 2), lanes // 2
        count += vectors
    return count
