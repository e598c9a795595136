"""Adds trip counts to loops with random operations: each trip is to draw numbers of its own.

The count is a value that the loop carries, so that its twin, and the copies that gradients make, have the same one.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from xdsl.dialects.builtin import i64
from xdsl.ir import Block, Operation, OpResult, SSAValue, SSAValues

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import Insert, inserting
from pullback.dialects.graph.tensor.location import named
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.frontend.graph.graph import Graph

COUNT = tensor_type(i64, ())
"""The type of a count of trips."""


def trips_around(graph: Graph) -> list[Tensor]:
    """The trip count of each loop around the point where a graph grows, from the outermost in."""
    found: list[Tensor] = []
    block: Block | None = graph.insertion_block
    while block is not None and block is not graph.body:
        if block in graph.draws.trips:  # a branch of `cond` is no loop
            found.append(_trip_in(graph, block))
        block = block.parent_block()
    return found[::-1]


@contextmanager
def counting_trips(graph: Graph, loop: While) -> Generator[None]:
    """Counts a loop's trips if a draw is added to its regions within this block of code.

    The count is the last value that the loop carries.
    """
    trips, blocks = graph.draws.trips, [region.block for region in loop.regions]
    trips.update(dict.fromkeys(blocks))
    try:
        yield
        stand_ins = {block: trip for block in blocks if (trip := trips[block]) is not None}
        if stand_ins:
            _carry_count(graph, loop, stand_ins)
    finally:
        for block in blocks:
            del trips[block]


def _trip_in(graph: Graph, block: Block) -> Tensor:
    """A placeholder of the trip count in a region under construction: a value made at its start."""
    trip = graph.draws.trips[block]
    if trip is None or trip.op.parent is None:
        with inserting(_before(graph, block, block.first_op)):
            trip = graph.draws.trips[block] = Fill.full(0, COUNT)
    return trip


def _carry_count(graph: Graph, loop: While, stand_ins: dict[Block, Tensor]) -> None:
    """Adds the count to what the loop carries, and replaces its placeholders."""
    assert loop.parent is not None
    with inserting(_before(graph, loop.parent, loop)):
        start = Fill.full(0, COUNT)
    loop.operands = [*loop.operands, start.value]
    loop.results = SSAValues([*loop.results, OpResult(COUNT, loop, len(loop.results))])
    for block in (region.block for region in loop.regions):
        argument = block.insert_arg(COUNT, len(block.args))
        if (stand_in := stand_ins.get(block)) is not None:
            _replace(stand_in.value, argument)
    body = loop.body.block
    last = body.last_op
    assert last is not None
    with inserting(_before(graph, body, last)):
        following = Tensor(body.args[-1]) + 1
    last.operands = [*last.operands, following.value]


def _replace(stand_in: SSAValue, argument: SSAValue) -> None:
    stand_in.replace_all_uses_with(argument)
    made = stand_in.owner
    assert isinstance(made, Operation)
    made.detach()
    made.erase()


def _before(graph: Graph, block: Block, anchor: Operation | None) -> Insert:
    """Inserts named operations before another one; at the end of an empty block."""

    def put(op: Operation) -> None:
        op.location = named(graph.names.unique("trip"))
        if anchor is None:
            block.add_op(op)
        else:
            block.insert_op_before(op, anchor)

    return put
