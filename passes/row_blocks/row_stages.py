"""Stages of a region: what one loop over blocks of rows computes, before a later one may begin.

    %p = softmax(%q @ %k^T)         stage 0, and again in stage 1
    %o = %p @ %v                    stage 0
    … the rest of the network, and its gradient down to %do …
    %dp = %do @ %v^T                stage 1: %do is there only when all of %o is
    %dv = %p^T @ %do                stage 1

A value with rows that an earlier stage has made is kept, as the maximum and the sum of each row of a softmax are. A
matrix is not: it is made again from what the stage was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.state.control_flow import captured_values
from pullback.passes.row_blocks.row_region import RowRegion
from pullback.passes.simplify.side_effects import is_pure, runs_regions


@dataclass(eq=False)
class Stage:
    """What one loop computes."""

    ops: list[Operation] = field(default_factory=list[Operation])
    """In the order of the program."""
    outputs: list[SSAValue] = field(default_factory=list[SSAValue])
    """What others need: values with rows, and totals over rows."""
    place: Operation | None = None
    """The operation of the block before which it goes."""


def stages_of(region: RowRegion) -> list[Stage] | None:
    """The stages of a region, in order; None where something would have to move for a loop to have a place."""
    levels = _levels(region)
    order = {op: number for number, op in enumerate(region.block.ops)}
    stages = [Stage() for _ in range(max(levels.values()) + 1)]
    for op in region.dims:
        value = op.results[0]
        if not region.places[value].is_matrix and region.is_read_outside(value):
            stages[levels[op]].outputs.append(value)
    for level in reversed(range(len(stages))):
        _fill(stages, level, region, levels, order)
    found = [stage for stage in stages if stage.outputs]
    return found if _find_places(found, region) else None


def _levels(region: RowRegion) -> dict[Operation, int]:
    """The earliest stage for each operation of the region."""
    levels: dict[Operation, int] = {}
    outside: dict[SSAValue, int] = {}
    effects = 0

    def needs(value: SSAValue, *, by_rows: bool) -> int:
        owner = value.owner
        if isinstance(owner, Operation) and owner in levels:
            return levels[owner] + (not by_rows)
        return outside.get(value, 0)

    for op in region.block.ops:
        if op in region.dims:
            levels[op] = max(
                (needs(v, by_rows=_is_by_rows(region, op, n)) for n, v in enumerate(op.operands)), default=0
            )
            continue
        level = max((needs(v, by_rows=False) for v in (*op.operands, *captured_values(op))), default=0)
        if not is_pure(type(op)) and not runs_regions(type(op)):
            level = effects = max(effects, level)
        outside |= dict.fromkeys(op.results, level)
    return levels


def _is_by_rows(region: RowRegion, op: Operation, number: int) -> bool:
    return region.made(op.operands[number]) and region.is_by_rows(op, number)


def _fill(
    stages: list[Stage],
    level: int,
    region: RowRegion,
    levels: dict[Operation, int],
    order: dict[Operation, int],
) -> None:
    """Finds what a stage computes for its outputs; what it needs of earlier ones becomes an output there."""
    seen: set[Operation] = set()
    pending = [v.owner for v in stages[level].outputs]
    while pending:
        op = pending.pop()
        if op in seen or not isinstance(op, Operation):
            continue
        seen.add(op)
        for number, value in enumerate(op.operands):
            owner = value.owner
            if not isinstance(owner, Operation) or not _is_by_rows(region, op, number):
                continue
            if levels[owner] == level or region.places[value].is_matrix:
                pending.append(owner)
            elif value not in stages[levels[owner]].outputs:
                stages[levels[owner]].outputs.append(value)
    stages[level].ops = _totals_first(sorted(seen, key=order.__getitem__), region)


def _totals_first(ops: list[Operation], region: RowRegion) -> list[Operation]:
    """Puts totals before other operations: a matrix that only they needed still may then be overwritten."""
    made = {op.results[0] for op in ops}
    found: list[Operation] = []
    pending = [op for op in ops if region.places[op.results[0]].rows is None]
    for op in ops:
        if region.places[op.results[0]].rows is not None:
            ready = [total for total in pending if made.isdisjoint(total.operands)]
            pending = [total for total in pending if total not in ready]
            found += [*ready, op]
            made -= {op.results[0]}
    return [*found, *pending]


def _find_places(stages: list[Stage], region: RowRegion) -> bool:
    """Finds where each loop goes; whether all that needs it comes later, if need be by moving what it needs."""
    for stage in stages:
        if not _move_needed(stage, region):
            return False
    ops = list(region.block.ops)
    order = {op: number for number, op in enumerate(ops)}
    at: dict[SSAValue, int] = {}
    for stage in stages:
        needed = [order[maker] for maker in _needed(stage, region)]
        last = max([-1, *needed, *(at[v] for op in stage.ops for v in op.operands if v in at)])
        stage.place = ops[last + 1]
        at |= dict.fromkeys(stage.outputs, last)
        if any(order[user] <= last for user in _users_outside(stage, region)):
            return False
    return True


def _move_needed(stage: Stage, region: RowRegion) -> bool:
    """Moves what a stage needs before what needs the stage: a constant may come late; whether that is possible."""
    order = {op: number for number, op in enumerate(region.block.ops)}
    first = min(_users_outside(stage, region), key=order.__getitem__, default=None)
    if first is None:
        return True
    late: set[Operation] = set()
    pending = list(_needed(stage, region))
    while pending:
        op = pending.pop()
        if op in late or order[op] < order[first]:
            continue
        if not is_pure(type(op)) or op.regions or op in region.dims:
            return False
        late.add(op)
        pending += [m for v in op.operands if (m := _in_block(v.owner, region.block)) is not None]
    for op in sorted(late, key=order.__getitem__):
        op.detach()
        region.block.insert_op_before(op, first)
    return True


def _needed(stage: Stage, region: RowRegion) -> Iterator[Operation]:
    """The operations of the block, outside of the region, that make what a stage reads."""
    for op in stage.ops:
        for value in op.operands:
            maker = _in_block(value.owner, region.block)
            if maker is not None and maker not in region.dims:
                yield maker


def _users_outside(stage: Stage, region: RowRegion) -> Iterator[Operation]:
    """The operations of the block, outside of the region, that need what a stage makes."""
    for value in stage.outputs:
        for use in value.uses:
            user = _in_block(use.operation, region.block)
            if user is not None and user not in region.dims:
                yield user


def _in_block(op: object, block: Block) -> Operation | None:
    """The operation of a block that is this one, or that holds it."""
    return block.find_ancestor_op_in_block(op) if isinstance(op, Operation) else None
