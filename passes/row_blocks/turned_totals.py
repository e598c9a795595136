"""Totals over rows that are products of a matrix are carried so that the matrix is read along its rows.

    %d = graph.matmul %p, %g {transpose_a}     (1024, 64), of 256 x 1024 and 256 x 64
    becomes
    %t = graph.matmul %g, %p {transpose_a}     (64, 1024)
    %d = graph.transpose %t                    once, when the loop is over

A product is computed for vectors of columns: in the first form these are of the small operand, and the large one has to
be turned around, in each trip. Without a loop that costs as much, of which few columns make the most.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.recurrences.loop_values import before
from pullback.passes.rewriting.replacement import drop
from pullback.passes.row_blocks.row_region import RowRegion

MOST_COLUMNS = 64
"""Columns of a total that is worth turning around without a loop: of more, a product takes as long in either form."""


def turn_totals(region: RowRegion, *, is_blocked: bool) -> bool:
    """Turns the totals of a region around where that pays, in a loop or without; whether there were any."""
    found = [
        op
        for op in region.dims
        if isinstance(op, MatMul) and _reads_across(region, op) and (is_blocked or _has_few_columns(op))
    ]
    for op in found:
        a, b = map(Tensor, op.operands)
        # As early as can be: then the next matrix may be written over the one that it needs.
        with inserting(before(_after(region, op.operands), op)):
            turned = MatMul.product(b, a, transpose_a=op.transpose_b is None)
        # As late as it was needed before: all that comes before it must be there before the loop.
        with inserting(before(_first_user(region, op), op)):
            op.results[0].replace_all_uses_with(Transpose.matrices(turned).value)
        drop(op)
    return bool(found)


def _after(region: RowRegion, values: Sequence[SSAValue]) -> Operation:
    """The first operation of the block at which all of these values are there."""
    makers = {
        region.block.find_ancestor_op_in_block(v.owner) for v in values if isinstance(v.owner, Operation)
    }
    ops = list(region.block.ops)
    return ops[max((ops.index(maker) for maker in makers if maker is not None), default=-1) + 1]


def _first_user(region: RowRegion, op: MatMul) -> Operation:
    """The first operation of the block that needs a total."""
    users = {region.block.find_ancestor_op_in_block(use.operation) for use in op.results[0].uses}
    return next(user for user in region.block.ops if user in users)


def _reads_across(region: RowRegion, op: MatMul) -> bool:
    """Whether a product adds up over rows of a first operand whose columns are more than those of the result."""
    rows, columns = Tensor(op.results[0]).extents[-2:]
    place = region.places.get(op.lhs)
    if op.results[0].first_use is None:
        return False
    is_total = region.places[op.results[0]].rows is None
    return (
        is_total and place is not None and place.is_matrix and op.transpose_a is not None and rows > columns
    )


def _has_few_columns(op: MatMul) -> bool:
    return Tensor(op.results[0]).extents[-1] <= MOST_COLUMNS
