"""What a large product reads next, fetched into the second-level cache little by little while sums are formed.

A panel of rows meets all columns of a block, one panel of columns after the other. Meanwhile each chunk of terms has
its share of the next panel of rows fetched, and some rows of the results that the sums will be added to.

    for each panel of columns c, each chunk of terms q:          the turns
      fetch of each of the next rows the cache line of number (c, q)
      fetch row q of the results in columns c
      for each term of the chunk: …
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.block_sums import CHUNK
from pullback.passes.loops.products.product_operand import FetchedLines
from pullback.passes.loops.products.product_results import ProductResults
from pullback.passes.lowering.vector_registers import CACHE_LINE


@dataclass(frozen=True)
class PanelFetch:
    """The turns of one panel of rows and one of columns.

    Args:
        results: of the product.
        start: the first term of the block.
        following: the panel of rows after this one.
        row: the first row of this one.
        column: the number of the panel of columns within the block.
        levels: its vectors of columns.
    """

    results: ProductResults
    start: SSAValue
    following: FetchedLines
    row: SSAValue
    column: SSAValue
    levels: Sequence[LoopLevel]

    def turn(self, term: SSAValue) -> None:
        """Fetches the share of the chunk of terms that begins here."""
        plan, builder = self.results.plan, self.results.kernel.builder
        together = CACHE_LINE // bit_width(self.results.product.element_type)
        chunks = -(-plan.term_block // CHUNK)
        share = -(-plan.term_block // (together * chunks * plan.columns.step)) * together
        chunk = builder.quotient(builder.minus(term, self.start, "within"), CHUNK, "chunk")
        first = builder.sum_of([(self.start, 1), (self.column, chunks * share), (chunk, share)], 0, "next")
        for at in range(0, share, together):
            self.following.fetch(builder.sum_of([(first, 1)], at, "next"))
        rows = -(-plan.rows.width // chunks)
        for number in range(rows):
            at = builder.at_most(builder.sum_of([(chunk, rows)], number), plan.rows.width - 1, "row")
            self.results.fetch_so_far(builder.sum_of([(self.row, 1), (at, 1)], 0, "row"), self.levels)
