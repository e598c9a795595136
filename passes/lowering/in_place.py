"""Updates in place: when a kernel may write a result into the buffer of an operand that it reads, by its kind.

%c = graph.tanh %a
%d = graph.multiply %c, %b           %b of one row, broadcast
graph.yield %d                       over %a: yes; over %b: no, each element is read again for the next row

A rule is asked about an argument of the region and a value of the same dtype that it yields. It says whether each
element of the argument is read before the result's is written there, and at that index only.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.op.indexed import (
    Scatter,
    operand_axes,
    reads_where_it_writes,
    result_axes,
    rows_terms,
)
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.types import shape_of_type


def at_its_index(schedule: Schedule, argument: SSAValue, written: SSAValue) -> bool:
    """Whether an argument may be overwritten by loops that visit each index once, and store after they have loaded.

    It is enough that on every path through the region the argument, and what is made from it, is read at the index of
    the loops: the map of each operation on the way keeps all dims in their order, and none is added, dropped or
    exchanged. The factors of a product are read whole.
    """
    return _long(argument) == _long(written) and _stays_at_its_index(argument)


def once_per_line(schedule: Schedule, argument: SSAValue, written: SSAValue) -> bool:
    """Tells whether it may where later stages visit lines again: if it has one element per line (or one in all).

    It leads, by such values alone, to results that lines end with, which are stored together. Totals over lines come
    later: where there are any, it leads to this result alone.
    """
    per_line = [n for n in schedule.parallel if n != 1]
    if _long(argument) != _long(written) or _long(argument) not in ([], per_line):
        return False
    reductions = [op for op in argument.owner.ops if isinstance(op, Reduction)]  # pyright: ignore[reportAttributeAccessIssue] a region's argument
    has_totals = any(_long(op.results[0]) != per_line for op in reductions)
    return _stays_at_its_index(argument, only_to=written if has_totals else None)


def as_base(schedule: Schedule, argument: SSAValue, written: SSAValue) -> bool:
    """Tells whether it may where rows are added to it or put into it: not read otherwise, nor the rows or indices."""
    op = written.owner
    if not argument.has_one_use():
        return False
    if isinstance(op, Scatter):
        return argument is op.before
    return isinstance(op, Operation) and any(op.operands[1 - at] is argument for at in rows_terms(op))


def never(schedule: Schedule, argument: SSAValue, written: SSAValue) -> bool:
    """Refuses: the loops of a concat store elements that they have not read."""
    return False


def _long(value: SSAValue) -> list[int]:
    """The extents other than 1."""
    return [n for n in shape_of_type(value.type) if n != 1]


def _stays_at_its_index(argument: SSAValue, only_to: SSAValue | None = None) -> bool:
    """Tells whether all that is made from the argument is read at its index, and (if asked) only one value yielded."""
    block = argument.owner
    assert isinstance(block, Block)
    known = _known.get()
    ends = _ends_within(block) if known is None else known.get(block)
    if ends is None:
        assert known is not None
        ends = known[block] = _ends_within(block)
    end = ends[argument]
    return end is not None and (only_to is None or end <= {only_to})


# ---- what values of a region lead to --------------------------------------------------------------------------

End: TypeAlias = frozenset[SSAValue] | None
"""The values yielded that a value leads to, two at most, where each operation on the way keeps the index."""

_known: ContextVar[dict[Block, Mapping[SSAValue, End]] | None] = ContextVar("_known", default=None)


@contextmanager
def unchanged_kernels() -> Generator[None]:
    """While this lasts no kernel changes: each region is read once, and not for each question about it."""
    before = _known.set({})
    try:
        yield
    finally:
        _known.reset(before)


def _ends_within(block: Block) -> Mapping[SSAValue, End]:
    """The ends of all values of a region, from the last operation to the arguments."""
    ends: dict[SSAValue, End] = {}
    for op in reversed(block.ops):
        for value in op.results:
            ends[value] = _end_of(value, ends)
    for argument in block.args:
        ends[argument] = _end_of(argument, ends)
    return ends


def _end_of(value: SSAValue, ends: Mapping[SSAValue, End]) -> End:
    found: End = frozenset()
    for use in value.uses:
        user = use.operation
        if type(user) is Yield:
            after = frozenset([value])
        elif _keeps_index(user, use.index, value):
            (made,) = user.results
            after = ends.get(made)
        else:
            return None
        if after is None:
            return None
        if len(found) < 2:
            found |= after
    return found


def _keeps_index(op: Operation, number: int, operand: SSAValue) -> bool:
    if reads_where_it_writes(op, operand):  # nearly all do
        return True
    axes = operand_axes(op, number)
    if axes is None or len(op.results) != 1:
        return False
    (made,) = op.results
    if made.type is not operand.type and _long(made) != _long(operand):
        return False
    read = [axis for axis in axes if axis is not None]
    written = [axis for axis in result_axes(op) if axis is not None]
    return read == written
