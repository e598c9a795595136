"""What a loop reads soon, vector after vector, fetched into the first-level cache.

The processor foresees what a loop reads next, but not beyond a page, which is 64 vectors of 16 f32: there each loop
waits for memory. Where a vector takes a hundred instructions, what follows it is too far off to be begun meanwhile.

    scf.for %i = %c0 to %c1000000 step %c16 {
      %x = vector.load %x[%i]
      memref.prefetch %x[%i + 512], read
      …

`tanh(x) * sigmoid(x) + exp(-x * x)` and its gradient of 1e7 elements take 0.75 of the time with it, `log1p(exp(x)) *
cos(x)` of 1e6 0.95, sums, copies and rows of softmax as long as before. Fetching what is written, too, gains nothing,
nor does fetching the next rows of columns.

Rows of a table that an array names are foreseen by nobody; the loop reads a name some rows ahead:

    scf.for %i = %c0 to %c512 step %c1 {
      %name = memref.load %names[min(%i + 4, 511)]
      memref.prefetch %table[%name, %c0], read
      …for each cache line of the row…

On a Zen 4 a copy of 8192 rows of 64 takes 0.85 of the time with it, of 300 0.5, 4096 rows of 128 with exp 0.6; rows
that take up others, as those of SGD do, 0.8 to 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, Term
from pullback.passes.lowering.vector_registers import CACHE_LINE, SECOND_CACHE

AHEAD = 2 << 10
"""Bytes from what is read to what is fetched: of a loop with 140 instructions a vector, 1 to 8 KiB are within a tenth
of the best, 512 bytes take 1.1 times as long, and 256 gain nothing."""

ROWS_AHEAD = 4
"""8 gain as much, 2 less."""
MOST_LINES = 16
"""Of a row: the processor foresees the others."""


def is_streamed(view: BufferView, lanes: Lanes) -> bool:
    """Whether consecutive elements along the lanes come from afar, and enough of them for most fetches to be of use."""
    is_long = lanes.mask is None and lanes.swept * bit_width(view.memory_type) >= 2 * AHEAD * 8
    return is_long and is_far(view)


def is_far(view: BufferView) -> bool:
    """Whether a buffer is larger than the second-level cache."""
    return prod(view.layout.shape) * bit_width(view.memory_type) > SECOND_CACHE * 8


def fetch_streamed(view: BufferView, builder: CodeBuilder, terms: Sequence[Term], constant: int) -> None:
    """Has the element fetched that a loop along consecutive elements reads after `AHEAD` more bytes."""
    view.fetch(builder, terms, constant + AHEAD * 8 // bit_width(view.memory_type))


def rows_are_far(table: BufferView, names: BufferView, step: int) -> bool:
    """Whether rows come from afar, and their names lie one after the other, enough for most fetches to be of use."""
    is_long = step > 0 and len(names.layout.shape) == 1 and names.layout.shape[0] >= 8 * ROWS_AHEAD * step
    return is_long and is_far(table)


def name_ahead(names: BufferView, builder: CodeBuilder, at: tuple[Sequence[Term], int], step: int) -> Scalar:
    """The name of a row that comes soon; towards the end that of the last one."""
    terms, constant = at
    ahead = builder.sum_of(terms, constant + ROWS_AHEAD * step)
    last = names.layout.shape[0] - 1
    return names.load(builder, [(builder.least(ahead, builder.index(last), "ahead"), 1)], 0)


def fetch_row(
    table: BufferView, builder: CodeBuilder, terms: Sequence[Term], constant: int, extent: int
) -> None:
    """Has the first cache lines of a row fetched."""
    elements = max(CACHE_LINE // bit_width(table.memory_type), 1)
    for first in range(0, min(extent, MOST_LINES * elements), elements):
        table.fetch(builder, terms, constant + first)
