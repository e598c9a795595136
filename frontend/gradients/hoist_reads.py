"""Hoists reads of variables out of the gradient of a `custom_gradient`, to where its values are computed."""

from __future__ import annotations

from xdsl.ir import Operation

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.state.variables import Read, ReadRows, ReadsVariable, Update
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError


def hoist_reads(op: CustomGradient, what: str) -> None:
    """Moves reads before the operation: variables may be updated before the gradient runs."""
    block = op.parent
    assert block is not None
    inside = list(op.backward.walk())
    for inner in inside:
        if isinstance(inner, Update):
            raise GraphError(f"{what}: its gradient updates a variable: it may only compute")
        if isinstance(inner, ReadRows) and inner.operands[1].owner in inside:
            inner = _read_whole(inner)
        if isinstance(inner, ReadsVariable):
            inner.detach()
            block.insert_op_before(inner, op)


def _read_whole(rows: ReadRows) -> Operation:
    """Replaces a read of rows, whose indices the gradient computes, by a gather from a whole read; returns that."""
    block = rows.parent
    assert block is not None

    def insert(op: Operation) -> None:
        op.location = rows.location
        block.insert_op_before(op, rows)

    with inserting(insert):
        whole = Read.of(Tensor(rows.operands[0]))
        taken = Gather.of(whole, Tensor(rows.operands[1]))
    rows.results[0].replace_all_uses_with(taken.value)
    rows.detach()
    rows.erase()
    return whole.op
