"""Products that are summed up over the trips: one product of all that was multiplied, behind the loop.

Of a loop that carries %sum, as the gradient of a recurrence with respect to its weights does

    %total = graph.while %zero … do {                      graph.while … do {
    ^bb0(%sum …):                                             … row t of %hs becomes %h, row t of %gs becomes %g
      %p = graph.matmul %h, %g {transpose_a}   becomes     }
      %next = graph.add %sum, %p                           %total = graph.matmul %hs, %gs {transpose_a}
      graph.yield %next …

with all rows of %hs and %gs below each other. What one loop pushes and this one pops is kept by the former, without a
stack; a sequence that is read row by row is there already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import DenseArrayBase
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType
from pullback.passes.recurrences.kept_rows import KeptRows, flattened
from pullback.passes.recurrences.known_trips import trip_count
from pullback.passes.recurrences.loop_values import behind, bytes_of_row, is_outside, is_tensor, yield_of
from pullback.passes.recurrences.row_products import MOST_ROWS
from pullback.passes.rewriting.replacement import replace_in

LARGEST_FACTOR = 2
"""How many times the memory that the loop has for its stacks, sequences and sums the rows that are kept may take."""


@dataclass(frozen=True)
class Summed:
    """A carried sum, and the term that each trip adds to it."""

    index: int
    term: Operation


def batch_summed_products(loop: While) -> int:
    """Takes sums of products out of a loop; how many."""
    trips = trip_count(loop)
    if trips is None or trips < 2:
        return 0
    terms = [s for at in range(len(loop.operands)) if (s := summed(loop, at)) is not None]
    products = [s for s in terms if isinstance(s.term, MatMul) and _is_outer(s.term)]
    factors = list(dict.fromkeys(v for s in products for v in s.term.operands))
    rows = KeptRows.of(loop, trips)
    if not products or sum(map(rows.cost, factors)) > LARGEST_FACTOR * _memory_of(loop, trips):
        return 0
    products += [s for s in terms if isinstance(s.term, Sum) and _is_of_rows(s.term, factors)]
    for one in products:
        _batch(loop, one, [rows.keep(v) for v in one.term.operands])
    return len(products)


def summed(loop: While, index: int) -> Summed | None:
    """The carried value as a sum, if each trip does no more than to add a term, which it uses for nothing else."""
    argument, value = loop.body.block.args[index], yield_of(loop).operands[index]
    op = value.owner
    if not isinstance(op, Add) or loop.condition.block.args[index].first_use is not None:
        return None
    terms = [v for v in op.operands if v is not argument]
    if len(terms) != 1 or not argument.has_one_use() or not value.has_one_use() or not terms[0].has_one_use():
        return None
    term = terms[0].owner
    if not isinstance(term, Operation) or term.parent is not loop.body.block:
        return None
    return Summed(index, term) if terms[0].type == argument.type else None


def _is_outer(op: MatMul) -> bool:
    """Whether a product is that of a few rows, a^T @ b."""
    a, b = (Tensor(v) for v in op.operands)
    if not all(is_tensor(v) for v in op.operands) or op.transposes != (True, False):
        return False
    return a.ndim == b.ndim == 2 and 0 < a.extents[0] < MOST_ROWS and 0 not in (*a.extents, *b.extents)


def _is_of_rows(op: Sum, kept: Sequence[SSAValue]) -> bool:
    """Whether a sum over rows is of what is kept anyway."""
    axes, x = op.properties.get("axes"), Tensor(op.operands[0])
    is_over_rows = isinstance(axes, DenseArrayBase) and [*axes.iter_values()] == [0]
    return is_over_rows and not op.keeps_dims and x.value in kept and x.ndim == 2


def _memory_of(loop: While, trips: int) -> int:
    """The bytes that are there for the loop: stacks, what it reads from outside, and what it carries."""
    carried = sum(
        bytes_of_row(v) * (trips if isinstance(v.type, StackType) else 1)
        for v in loop.operands
        if isinstance(v.type, StackType) or is_tensor(v)
    )
    used = {v for op in loop.body.block.ops for v in op.operands if is_outside(v, loop) and is_tensor(v)}
    return carried + sum(map(bytes_of_row, used))


def _batch(loop: While, one: Summed, operands: Sequence[Tensor]) -> None:
    init, result, term = Tensor(loop.operands[one.index]), loop.results[one.index], one.term
    block = loop.parent
    assert block is not None
    made: list[Operation] = []
    insert = behind(loop, term)

    def collect(op: Operation) -> None:
        made.append(op)
        insert(op)

    with inserting(collect):
        flat = [flattened(v) for v in operands]
        if isinstance(term, MatMul):
            total = MatMul.product(*flat, transpose_a=True)
        else:
            total = Sum.of(flat[0], **term.properties)
        if not (isinstance(init.op, Fill) and init.op.number == 0):
            total = init + total
    for op in block.ops:
        if op not in made:
            replace_in(op, {result: total.value})
