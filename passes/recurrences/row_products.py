"""Products of one row of a sequence per trip: one product of all rows, before the loop.

    graph.while … do {                                     %flat = graph.reshape %xs
      %x = graph.gather %xs, %t                            %all = graph.matmul %flat, %w
      %y = graph.matmul %x, %w          becomes            %ys = graph.reshape %all
                                                           graph.while … do {
                                                             %y = graph.gather %ys, %t

This is right whatever %t is: a row of the product is the product of a row, and a row out of range is zero in both. It
pays where the trips read about as many rows as there are.
"""

from __future__ import annotations

from math import prod

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Squeeze
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.recurrences.known_trips import trip_count
from pullback.passes.recurrences.loop_values import before, is_outside, is_tensor
from pullback.passes.rewriting.replacement import drop, replace_in

MOST_ROWS = 256
"""Products of so many rows are left in their loop: more at once are hardly faster."""
MOST_GROWTH = 8
"""How much larger than the sequence the products of all its rows may be."""


def batch_row_products(loop: While) -> int:
    """Takes products of rows by a matrix from outside out of a loop; how many."""
    trips = trip_count(loop)
    found = 0
    for op in list(loop.body.block.ops):
        if isinstance(op, MatMul) and trips is not None:
            row = row_of_sequence(op.operands[0], loop)
            if row is not None and _pays(op, row, loop, trips):
                _batch(op, row, loop)
                found += 1
    return found


def row_of_sequence(value: SSAValue, loop: While) -> Gather | None:
    """The gather of one row, of a tensor from outside, that a value is, perhaps in another shape."""
    op = value.owner
    while isinstance(op, Reshape | ExpandDims | Squeeze):
        value = op.operands[0]
        op = value.owner
    if not isinstance(op, Gather) or op.parent is not loop.body.block:
        return None
    rows, index = op.operands
    is_one = is_tensor(index) and prod(Tensor(index).extents) == 1
    return op if is_one and is_tensor(rows) and is_outside(rows, loop) else None


def _pays(op: MatMul, row: Gather, loop: While, trips: int) -> bool:
    a, b = (Tensor(v) for v in op.operands)
    if (
        b.ndim != 2
        or a.ndim != 2
        or op.transposes[0]
        or not is_outside(b.value, loop)
        or not is_tensor(b.value)
    ):
        return False
    made, read = prod(Tensor(op.results[0]).extents), prod(a.extents)
    rows = Tensor(row.operands[0]).extents[0]
    return trips >= rows > 1 and 0 < a.extents[0] < MOST_ROWS and 0 < made <= MOST_GROWTH * read


def _batch(op: MatMul, row: Gather, loop: While) -> None:
    rows, index = (Tensor(v) for v in row.operands)
    (height, depth), width = Tensor(op.operands[0]).extents, Tensor(op.results[0]).extents[1]
    trips = rows.extents[0]
    with inserting(before(loop, op)):
        flat = Reshape.to(rows, (trips * height, depth))
        products = MatMul.product(flat, Tensor(op.operands[1]), transpose_b=op.transposes[1])
        products = Reshape.to(products, (trips, height, width))
    with inserting(before(op)):
        product = Gather.of(products, index)
        if index.ndim:
            product = Reshape.to(product, (height, width))
    replace_in(loop.body.block, {op.results[0]: product.value})
    drop(op)
    _drop_unused(row)


def _drop_unused(op: Operation) -> None:
    """Erases what read the row, if nothing else does: `dce` would as well, but a later rule looks at uses."""
    for user in [use.operation for use in op.results[0].uses]:
        if isinstance(user, Reshape | ExpandDims | Squeeze):
            _drop_unused(user)
    if op.results[0].first_use is None:
        drop(op)
