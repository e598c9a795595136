"""Capacity of a CPU's vector registers: lanes, and the block of a matrix product that is kept in them.

Schedules state it, and the lowering to loops asks again where text states nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.ir.diagnostics import DiagnosticError

MAX_VECTOR = 128
"""Elements in a vector, however wide the registers."""
CACHE_LINE = 512
"""The bits of a line of the cache."""
FIRST_CACHE = 32 << 10
"""Bytes that the first-level cache surely has room for."""
SECOND_CACHE = 1 << 20
"""Bytes that a core's second-level cache has room for."""
LARGE_ROWS = 2 << 20
"""Bytes of rows of a product that leave the second-level cache while a panel of columns meets them."""
MOST_VECTORS = 16
"""Vectors in a row of the register block of a product."""


def check_vector_bits(vector_bits: int, module: ModuleOp) -> None:
    """Raises DiagnosticError unless registers may be so wide."""
    if vector_bits < 64 or vector_bits & (vector_bits - 1):
        raise DiagnosticError(f"vector-bits is {vector_bits}; expected a power of two from 64 on", module)


def lane_count(vector_bits: int, element_types: Sequence[Attribute]) -> int:
    """The number of lanes that the widest of these types allows."""
    widest = max((max(bit_width(t), 8) for t in element_types), default=32)
    return max(vector_bits // widest, 1)


def register_count(vector_bits: int) -> int:
    """The number of vector registers: 32 of 512 bits (AVX-512), and 16 narrower ones (AVX2, SSE)."""
    return 32 if vector_bits >= 512 else 16


def product_tile(
    rows: int, columns: int, terms: int, lanes: int, vector_bits: int, matrices: int = 1
) -> tuple[int, int]:
    """Chooses the rows and vectors of the register block of a product: what fits, and takes the fewest cycles.

    The rows are those of so many matrices together.
    """
    is_large = rows * terms * (vector_bits // lanes) >= 8 * LARGE_ROWS * max(matrices, 1)
    rows, vectors = max(rows, 1), max(-(-columns // lanes), 1)
    registers = register_count(vector_bits)
    # Beside the sums there are a row of vectors, and an element; a single row takes each vector from memory.
    tiles = [
        (evenly(rows, height), evenly(vectors, width))
        for width in range(1, min(vectors, MOST_VECTORS, registers - 2) + 1)
        for height in range(1, max(min(rows, (registers - 1) // width - 1), 1) + 1)
    ]
    return min(tiles, key=lambda tile: _cycles(rows, vectors, terms, tile, is_large))


def _cycles(rows: int, vectors: int, terms: int, tile: tuple[int, int], is_large: bool) -> float:
    """Roughly the cycles that a product takes in blocks of so many rows and vectors.

    Two FMAs begin in a cycle, and end four cycles later; two loads as well. What comes from the second cache meanwhile
    delays them a little, the less the more is done with it; where the rows come from further away, most of all.
    """
    height, width = tile
    delay = (height + 2 * width) / 8 if is_large else (height + 16 * width) / 64
    step = max(height * width / 2, (height + width) / 2, 4) + delay
    return -(-rows // height) * -(-vectors // width) * (terms * step + height * width + 8)


def evenly(size: int, most: int) -> int:
    """The size of parts, at most `most`, that are as many as there must be, and as equal as can be."""
    return -(-size // -(-size // most))
