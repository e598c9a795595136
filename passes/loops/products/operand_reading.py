"""How the blocks of a product read its operands: where they lie, or copied to panels, and when these are filled."""

from __future__ import annotations

from enum import Enum, auto

from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.products.blocking import Blocking
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.vector_registers import (
    ALIASED_BYTES,
    CACHE_LINE,
    FIRST_CACHE,
    FIRST_SETS,
    PACK_ROWS,
    SECOND_CACHE,
    SMALL_OPERAND,
)

K_BLOCK = 1024
"""How many products are added up one after the other, in the type of the operands."""
SMALL_ROWS = 160 << 10
"""As `SMALL_OPERAND`, for A, of which single elements are read: the second cache has them in time."""
ALIASED_PACK_ROWS, FAR_PACK_ROWS = 32, 17
"""As `PACK_ROWS`, where terms of B lie in few sets of the first cache, so that each panel of rows fetches them again;
and if they come from far away: up to two panels of rows take less time than a copy."""
AHEAD_ROWS = 8
"""Rows from which a panel of B is multiplied for long enough that what follows can be fetched meanwhile."""
TERMS_AHEAD = 16
"""How many terms before it is needed an element of B is fetched: 100 cycles or more, what the second cache takes."""
SPREAD_BYTES = 512
"""Terms at other distances lie in more than 8 sets, in which a small panel has room."""
SMALL_PANEL = 24 << 10
"""The most bytes of such a panel."""
PRIVATE_BYTES = 256 << 10
"""The most memory on the stack that an operand is copied to: both together leave the pool's threads room enough."""


class Reading(Enum):
    """How the blocks of a product read an operand."""

    IN_PLACE = auto()
    AHEAD = auto()
    """Where it is, while the terms that follow are fetched."""
    SHARED = auto()
    """From panels in scratch memory, which are filled before."""
    PRIVATE = auto()
    """From panels on the stack, which are filled for each block of the result."""
    IN_TURN = auto()
    """From one panel on the stack, which is filled for each panel of a block in turn."""


def reading_of_a(a: ProductOperand, rows: Blocking, columns: Blocking) -> Reading:
    """How rows of A are read: where they are, or copied for each block of the result, if that has columns enough."""
    if rows_in_place(a):
        return Reading.IN_PLACE
    if in_place(a) and not a.is_widened and bytes_of(a) <= SMALL_ROWS:
        is_near = (
            bytes_of(a) < FIRST_CACHE
            or not a.is_contiguous(a.lines)
            or columns.width <= CACHE_LINE // bit_width(a.node.element_type)
        )
        return Reading.IN_PLACE if is_near else Reading.AHEAD
    private = rows.step * rows.width * (a.terms.size + 32) * bit_width(a.node.element_type) // 8
    often = columns.blocks == 1 or columns.step * columns.width >= 128
    if often and a.terms.size <= K_BLOCK and private <= PRIVATE_BYTES * 7 // 8:
        return Reading.PRIVATE
    return Reading.SHARED


def reading_of_b(b: ProductOperand, rows: Blocking, columns: Blocking, terms: int) -> Reading:
    """How columns of B are read: where they are, or copied, panel by panel, for as many rows as there are."""
    stays = in_place(b) and not (b.is_widened and rows.panels > 1)
    if stays and b.is_contiguous(b.lines) and (is_small(b, columns) or reads_few(b, rows)):
        is_near = bytes_of(b) <= SMALL_OPERAND or terms < 2 * TERMS_AHEAD
        return Reading.IN_PLACE if is_near or rows.width < AHEAD_ROWS else Reading.AHEAD
    if bytes_of(b) // max(b.lines.size, 1) * columns.step * columns.width <= PRIVATE_BYTES:
        return Reading.PRIVATE
    if b.terms.is_single or terms == b.terms.size:
        return Reading.IN_TURN
    return Reading.SHARED


def is_small(b: ProductOperand, columns: Blocking) -> bool:
    """Tells whether B is as near where it is as a copy: in the first cache, at least while a panel of it is read."""
    if bytes_of(b) <= SMALL_OPERAND:
        return True
    panel = b.terms.size * (columns.width * bit_width(b.node.element_type) + CACHE_LINE) // 8
    return panel <= SMALL_PANEL and bytes_of(b) <= SMALL_ROWS and term_distance(b) % SPREAD_BYTES != 0


def reads_few(b: ProductOperand, rows: Blocking) -> bool:
    """Tells whether B is read for so few rows that copying it costs more.

    Where one FMA begins in a cycle there is time to fetch ahead, and copying pays only for terms that are in few sets
    of the first cache, in a page each, or no whole number of its lines apart.
    """
    if rows.panels <= 1:
        return True
    is_whole = term_distance(b) % (CACHE_LINE // 8) == 0 and term_distance(b) < FIRST_SETS
    if b.kernel.fmas == 1 and rows.width >= AHEAD_ROWS and is_whole:
        return True
    if term_distance(b) % ALIASED_BYTES:
        return rows.size < PACK_ROWS
    return rows.size < (ALIASED_PACK_ROWS if bytes_of(b) <= SECOND_CACHE else FAR_PACK_ROWS)


def term_distance(operand: ProductOperand) -> int:
    """The bytes from a term of a line to the next, in memory."""
    assert isinstance(operand.node, Load)
    return operand.node.offset.coefficients[operand.terms.last] * bit_width(operand.node.element_type) // 8


def row_distance(a: ProductOperand) -> int:
    """The bytes from a row of A to the next where they are read in place, or 0."""
    if not (rows_in_place(a) and isinstance(a.node, Load) and a.lines.is_single):
        return 0
    return abs(a.node.offset.coefficients[a.lines.last]) * bit_width(a.node.element_type) // 8


def rows_in_place(a: ProductOperand) -> bool:
    """Tells whether rows of A are read where they are, term by term.

    Half precision is copied: elements that are needed one by one take as long to be widened as to be multiplied.
    """
    return in_place(a) and a.is_contiguous(a.terms) and not a.is_widened


def in_place(operand: ProductOperand) -> bool:
    """Tells whether an operand could be read where it is."""
    return (operand.is_loaded and operand.terms.is_single) or not operand.lines.size * operand.terms.size


def bytes_of(operand: ProductOperand) -> int:
    """The bytes of one matrix."""
    return operand.lines.size * operand.terms.size * bit_width(operand.node.element_type) // 8


def line_bytes(operand: ProductOperand) -> int:
    """The bytes of a line."""
    return operand.terms.size * bit_width(operand.node.element_type) // 8
