"""Capacity of a CPU's vector registers: lanes, and the block of a matrix product that is kept in them.

Schedules state it, and the lowering to loops asks again where text states nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.ir.diagnostics import DiagnosticError

FMAS_PER_CYCLE = 2
"""Vector FMAs that begin in a cycle, unless a pass is told otherwise: most CPUs have two units so wide."""
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
SMALL_OPERAND = 64 << 10
"""The most bytes of an operand of a product whose lines are far apart that is read where it is."""
PACK_ROWS = 64
"""From so many rows on, copying a panel of columns costs less than reading it with long strides."""
ALIASED_BYTES, ALIASED_TERMS = 2048, 512
"""Terms at a multiple of so many bytes lie in one or two sets of 64 of the first cache, and the second cache has room
for so many of them."""
FIRST_SETS, FIRST_WAYS = 4096, 8
"""Bytes after which addresses are in the same set of the first cache again, and the lines that a set surely has room
for: rows of a product that are so far apart, and more than these, evict each other at each term."""
MOST_VECTORS = 16
"""Vectors in a row of the register block of a product."""
MOST_FAR_VECTORS = 4
"""The same where the columns come from the second cache: five take 8 to 15 % longer."""
LEAST_MISSING = 16
"""The part of a product's vectors from which those that do not exist are worth a block in registers of its own."""
OWN_CODE = 1.03
"""How much more cycles may be taken for the sake of one block less in the code."""
NEAR_TERMS = 256
"""Terms of which blocks may be wide: the second cache keeps up with four vectors at each."""
FEWEST_SUMS = 7
"""Sums of which one FMA can begin in each cycle: with five in a block it takes half as long again."""
ENOUGH_SUMS, AS_FAST = 16, 1.01
"""Sums in a block that keep one FMA in each cycle busy, and leave registers for two terms at once; of blocks that take
so little longer than the fastest, one with about so many sums is taken, which loads little for them."""


def check_vector_bits(vector_bits: int, module: ModuleOp) -> None:
    """Raises DiagnosticError unless registers may be so wide."""
    if vector_bits < 64 or vector_bits & (vector_bits - 1):
        raise DiagnosticError(f"vector-bits is {vector_bits}; expected a power of two from 64 on", module)


def check_fmas_per_cycle(fmas: int, module: ModuleOp) -> None:
    """Raises DiagnosticError unless so many FMAs may begin in a cycle."""
    if fmas < 1:
        raise DiagnosticError(f"fmas-per-cycle is {fmas}; expected 1 or more", module)


def lane_count(vector_bits: int, element_types: Sequence[Attribute]) -> int:
    """The number of lanes that the widest of these types allows."""
    widest = max((max(bit_width(t), 8) for t in element_types), default=32)
    return max(vector_bits // widest, 1)


def register_count(vector_bits: int) -> int:
    """The number of vector registers: 32 of 512 bits (AVX-512), and 16 narrower ones (AVX2, SSE)."""
    return 32 if vector_bits >= 512 else 16


def product_tile(
    rows: int,
    columns: int,
    terms: int,
    lanes: int,
    vector_bits: int,
    matrices: int = 1,
    row_bytes: int = 0,
    fmas: int = FMAS_PER_CYCLE,
) -> tuple[int, int]:
    """Chooses the rows and vectors of the register block of a product: what fits, and takes the fewest cycles.

    The rows are those of so many matrices together. They are `row_bytes` apart where they are read, or 0 if copied.
    `fmas` begin in a cycle; if that is one, many blocks keep the unit busy, and one of the shorter ones is taken.
    """
    bits = vector_bits // lanes
    is_large = rows * terms * bits >= 8 * LARGE_ROWS * max(matrices, 1)
    is_flat = rows < PACK_ROWS * max(matrices, 1) and terms * columns * bits > 8 * SMALL_OPERAND
    is_flat = is_flat and not evicts_itself(terms, columns * bits // 8)
    far = 1 if terms * columns * bits <= 8 * SECOND_CACHE else 2
    rows, vectors = max(rows, 1), max(-(-columns // lanes), 1)
    registers, most = register_count(vector_bits), MOST_FAR_VECTORS if is_large else MOST_VECTORS
    # Beside the sums there are a row of vectors, and an element; a single row takes each vector from memory.
    tiles = [
        (evenly(rows, height), evenly(vectors, width))
        for width in range(1, min(vectors, most, registers - 2) + 1)
        for height in range(1, max(min(rows, (registers - 1) // width - 1, rows_in_sets(row_bytes)), 1) + 1)
    ]

    def delay(height: int, width: int) -> float:
        """Cycles at each term."""
        if is_large:
            return (height + 2 * width) / 8
        return (height + 16 * width) / 64 + (width * far if is_flat else 0)

    cycles = {tile: _cycles(rows, vectors, terms, tile, delay, fmas) for tile in tiles}
    least = min(tiles, key=lambda tile: cycles[tile])
    if fmas > 1:
        return least
    near = [tile for tile in tiles if cycles[tile] <= AS_FAST * cycles[least]]
    return min(near, key=lambda tile: _excess(tile, 1.5 if terms <= NEAR_TERMS else 2))


def _excess(tile: tuple[int, int], weight: float) -> float:
    """How far a block is from one with enough sums that loads nothing: what lacks weighs three times.

    A vector weighs more than an element of a row.
    """
    height, width = tile
    more = height * width - ENOUGH_SUMS
    return max(more, -3 * more) + height + weight * width


def _cycles(
    rows: int,
    vectors: int,
    terms: int,
    tile: tuple[int, int],
    delay: Callable[[int, int], float],
    fmas: int,
) -> float:
    """Roughly the cycles that a product takes in blocks of so many rows and vectors, the last of fewer vectors.

    FMAs end four cycles after they begin; seven loads begin in four cycles. What comes from the second cache meanwhile
    delays FMAs of which two begin in a cycle, the less the more is done with it: a little where operands are copied,
    most where columns are read where they are; and much, too, where the rows come from further away. Where one begins
    in a cycle, it is there in time unless loads take longer.
    """

    def block(height: int, width: int) -> float:
        sums, waits = height * width, delay(height, width)
        if fmas > 1:
            step = max(sums / fmas, (height + width) * 4 / 7, 4) + waits
        else:
            step = max(sums, loads_of_halves(height, width) + waits, FEWEST_SUMS)
        return terms * step + sums + 8

    height, width = tile
    last = last_width(vectors, width)
    if last == width:
        return -(-rows // height) * -(-vectors // width) * block(height, width)
    own_code = OWN_CODE if fmas > 1 else 1
    return own_code * -(-rows // height) * (vectors // width * block(height, width) + block(height, last))


def loads_of_halves(height: int, width: int) -> float:
    """The cycles in which the elements and vectors of a term are loaded where one FMA begins in a cycle.

    Such CPUs have units of half a register. Two elements are loaded in a cycle; a vector takes two, as it often comes
    from the second cache.
    """
    return height / 2 + 2 * width


def rows_in_sets(row_bytes: int) -> int:
    """How many rows so many bytes apart have room in the sets of the first cache that they are in."""
    return FIRST_WAYS * (FIRST_SETS // gcd(row_bytes, FIRST_SETS)) if row_bytes else FIRST_SETS


def evicts_itself(terms: int, distance: int) -> bool:
    """Tells whether no cache holds as many terms as there are, since they are so many bytes apart."""
    return terms > ALIASED_TERMS and distance % ALIASED_BYTES == 0


def last_width(size: int, width: int) -> int:
    """The size of the last of parts of a width: what is left, if the rest would be a part of all that counts."""
    missing = -size % width
    return width - missing if LEAST_MISSING * missing >= size and size > width else width


def evenly(size: int, most: int) -> int:
    """The size of parts, at most `most`, that are as many as there must be, and as equal as can be."""
    return -(-size // -(-size // most))
