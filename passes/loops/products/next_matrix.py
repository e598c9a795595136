"""The next matrices of a batch, fetched into the second cache little by little while these are multiplied.

A batch that leaves the second cache would wait for each matrix, since the processor foresees lines within a page only.
So each term of each block of sums fetches its share of what the next product reads and stores:

    for each panel of columns c, of rows r, each term k:         the turns
      fetch the elements [((c * R + r) * K + k) * share, + share) of the next A, B and result
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.fetch_ahead import SECOND_LEVEL
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.products.product_results import ProductResults
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.vector_registers import CACHE_LINE, SECOND_CACHE


@dataclass(frozen=True)
class FetchedMatrix:
    """A matrix that follows this one in memory: its first element, and how many are fetched at each turn."""

    view: BufferView
    terms: Sequence[Term]
    constant: int
    share: int


@dataclass(frozen=True)
class NextMatrix:
    """What follows the matrices of a product, and the number of its terms."""

    results: ProductResults
    matrices: Sequence[FetchedMatrix]
    terms: int

    @staticmethod
    def of(
        results: ProductResults, operands: tuple[ProductOperand, ProductOperand], root: LoopLevel
    ) -> NextMatrix | None:
        """What is fetched while the matrix is multiplied that `root` is at; None where that gains nothing."""
        axes, plan, kernel = results.axes, results.plan, results.kernel
        batch = [dim for dim, extent in zip(axes.batch.dims, axes.batch.extents, strict=True) if extent > 1]
        turns = plan.rows.panels * plan.columns.panels * axes.terms.size
        if not batch or not turns or plan.rows.blocks * plan.columns.blocks > 1:
            return None
        zero = kernel.builder.index(0)
        first = {dim: zero for axis in (axes.rows, axes.columns, axes.terms) for dim in axis.dims}
        level = root.inside(kernel.builder.insertion_point, first)
        matrices: list[FetchedMatrix] = []
        bits = 0
        for view, offset, size in _stored(results, operands, root):
            share = -(-size // turns)
            distance = offset.coefficients[batch[-1]]
            if distance == size and share * bit_width(view.memory_type) <= CACHE_LINE:
                terms, constant = level.terms(offset)
                matrices.append(FetchedMatrix(view, terms, constant + distance, share))
                bits += size * bit_width(view.memory_type)
        is_far = bits * prod(axes.batch.extents) > 8 * SECOND_CACHE
        return NextMatrix(results, matrices, axes.terms.size) if is_far else None

    def turns(self, row: SSAValue, column: SSAValue) -> NextTurns:
        """Those of the block of sums that begins at a row and a column."""
        builder, plan = self.results.kernel.builder, self.results.plan
        down = builder.quotient(row, plan.rows.width)
        across = builder.quotient(column, plan.columns.width)
        return NextTurns(self, [(across, plan.rows.panels * self.terms), (down, self.terms)])


@dataclass(frozen=True)
class NextTurns:
    """The turns of a block of sums, the first of which has this number."""

    following: NextMatrix
    number: Sequence[Term]

    def fetch(self, term: SSAValue) -> None:
        """Fetches the share of a term."""
        builder = self.following.results.kernel.builder
        for matrix in self.following.matrices:
            at = [(value, factor * matrix.share) for value, factor in (*self.number, (term, 1))]
            matrix.view.fetch(builder, [*matrix.terms, *at], matrix.constant, SECOND_LEVEL)


def _stored(
    results: ProductResults, operands: tuple[ProductOperand, ProductOperand], root: LoopLevel
) -> Iterator[tuple[BufferView, Affine, int]]:
    """What is in memory of operands and results, where, and how many elements of each matrix."""
    kernel = results.kernel
    for operand in operands:
        node = operand.node
        if isinstance(node, Load) and not node.operands:
            yield root.inputs[node.argument], node.offset, operand.lines.size * operand.terms.size
    for output in kernel.outputs:
        if output.row is None:
            size = results.axes.rows.size * results.axes.columns.size
            yield kernel.results[output.result], output.offset, size
