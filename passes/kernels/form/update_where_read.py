"""Updates of a table by rows computed from its own: one kernel reads and writes each row, where there were two.

    %d = graph.kernel %table, %i … schedule<kind = rows, …>         // gathers rows %i, computes the changes
    %new = graph.kernel %d, %i, %table schedule<kind = scatter, …>  // subtracts the changes from them

become one kernel of kind `rows`, as does a pointwise one with its scatter, if nothing else needs %d and the first reads
no other elements of the table than those that it computes changes of. A row is still in the first cache then, the
changes never leave it, and threads that share the rows write to those that they have read. It pays where most indices
differ: a table has to have several times as many rows as there are indices.
"""

from __future__ import annotations

from dataclasses import replace

from xdsl.ir import Block, OpResult, Region, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import ScheduleAttr
from pullback.dialects.graph.op.indexed import picks_rows
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.copying import copy_operation
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.kernels.form.choose_split import split_long_reduction
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import POINTWISE, ROWS, SCATTER
from pullback.passes.lowering.outputs import RowUpdate
from pullback.passes.lowering.rows_where_read import obstacle, reads_where_it_writes
from pullback.passes.lowering.space import schedule_of

ROWS_PER_INDEX = 4
"""Rows that a table has for each index, at least; with fewer, many indices come again."""


def update_where_read(block: Block) -> None:
    """Joins kernels of a block that update rows with those right before them that compute the rows."""
    for op in list(block.ops):
        if isinstance(op, Kernel) and schedule_of(op).kind == SCATTER.name:
            maker = op.prev_op
            if isinstance(maker, Kernel) and _may_join(maker, op):
                _join(maker, op)


def _may_join(maker: Kernel, scatter: Kernel) -> bool:
    """Tells whether the rows that are scattered come from a kernel before that reads the same rows of the table."""
    schedule, update = schedule_of(maker), _only_update(scatter)
    is_of_rows = schedule.kind == POINTWISE.name or (schedule.kind == ROWS.name and schedule.parallel == ())
    if update is None or not is_of_rows or device_of_op(maker) != device_of_op(scatter):
        return False
    arguments = (update.slices.operands[0], update.slices.operands[1], update.before)
    values = [_operand(scatter, argument) for argument in arguments]
    if any(value is None for value in values):
        return False
    rows, indices, table = values
    assert rows is not None
    assert table is not None
    if rows.owner is not maker or not rows.has_one_use() or indices not in maker.operands:
        return False
    if table not in maker.operands or not any(map(picks_rows, maker.body.block.ops)):
        return False
    count = shape_of_type(rows.type)[0]
    return shape_of_type(table.type)[0] >= ROWS_PER_INDEX * count > ROWS_PER_INDEX


def _only_update(scatter: Kernel) -> RowUpdate | None:
    """The update of a kernel that has no other result."""
    last = scatter.body.block.last_op
    assert isinstance(last, Yield)
    return RowUpdate.of(last.operands[0]) if len(last.operands) == 1 else None


def _operand(kernel: Kernel, argument: SSAValue | None) -> SSAValue | None:
    """What a kernel is given for an argument of its region."""
    found = [
        value
        for value, inside in zip(kernel.operands, kernel.body.block.args, strict=True)
        if inside is argument
    ]
    return found[0] if found else None


def _join(maker: Kernel, scatter: Kernel) -> None:
    """Puts one kernel in place of both, unless its loops could not update the rows where they are read."""
    joined, results = _joined(maker, scatter)
    model = KernelModel.of(joined, schedule_of(joined))
    updates = [output for output in model.outputs if output.row is not None]
    if any(obstacle(model, o) is not None or not reads_where_it_writes(model, o) for o in updates):
        joined.erase()
        return
    split_long_reduction(joined)
    block = maker.parent
    assert block is not None
    block.insert_op_before(joined, maker)
    for old, new in results:
        new.name_hint = old.name_hint
        old.replace_all_uses_with(new)
    for op in (scatter, maker):
        op.detach()
        op.erase()


def _joined(maker: Kernel, scatter: Kernel) -> tuple[Kernel, list[tuple[SSAValue, SSAValue]]]:
    """A kernel that does what both do, and which of its results is which of theirs."""
    operands = list(maker.operands)
    block = Block(arg_types=[value.type for value in operands])
    inside: dict[SSAValue, SSAValue] = {}
    for old, new in zip(maker.body.block.args, block.args, strict=True):
        inside[old] = new
        new.name_hint = old.name_hint
    made = dict(zip(maker.results, _copy_region(maker, block, inside), strict=True))
    given = dict(zip(operands, block.args, strict=True))
    for value, argument in zip(scatter.operands, scatter.body.block.args, strict=True):
        inside[argument] = made[value] if isinstance(value, OpResult) and value in made else given[value]
    (new_table,) = _copy_region(scatter, block, inside)
    stays = [result for result in maker.results if any(use.operation is not scatter for use in result.uses)]
    block.add_op(new_operation(Yield, operands=[*(made[result] for result in stays), new_table]))
    old = schedule_of(maker)
    cpu, reduce = replace(old.cpu, split=None), (*old.parallel, *old.reduce)
    schedule = replace(old, kind=ROWS.name, parallel=(), reduce=reduce, cpu=cpu)
    joined = new_operation(
        Kernel,
        operands=operands,
        result_types=[*(result.type for result in stays), scatter.results[0].type],
        properties={"schedule": ScheduleAttr(schedule)},
        attributes=dict(maker.attributes),
        regions=[Region(block)],
        location=maker.location,
    )
    return joined, list(zip([*stays, scatter.results[0]], joined.results, strict=True))


def _copy_region(kernel: Kernel, block: Block, values: dict[SSAValue, SSAValue]) -> list[SSAValue]:
    """Copies what a kernel computes to the end of a block; returns what it yields, there."""
    for op in kernel.body.block.ops:
        if isinstance(op, Yield):
            return [values[value] for value in op.operands]
        block.add_op(copy_operation(op, values))
    raise AssertionError("a kernel yields its results")
