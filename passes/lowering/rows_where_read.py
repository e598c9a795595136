"""Rows that a table takes up where they were read: what a kernel has to be for that, and when it may do so in place.

    %g = graph.gather %table, %i              // row by row, in the loops of the kernel
    %d = …of %g, at the same elements…
    %s = graph.make_slices %d, %i
    %t = graph.densify %s
    %new = graph.subtract %table, %t          // in the memory of %table

Rows of one index are all read before any of them is stored: the lowering looks for them, and leaves them to the end.
"""

from __future__ import annotations

from xdsl.ir import Block, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.state.control_flow import Yield
from pullback.passes.lowering.in_place import once_per_line
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import Output, Reduce
from pullback.passes.lowering.outputs import RowUpdate


def in_rows(schedule: Schedule, argument: SSAValue, written: SSAValue) -> bool:
    """Tells whether a rows kernel may write over an argument: by lines, or a table whose rows it updates."""
    update = RowUpdate.of(written)
    if update is None:
        return once_per_line(schedule, argument, written)
    if update.before is not argument:
        return False
    block = argument.owner
    assert isinstance(block, Block)
    kernel, last = block.parent_op(), block.last_op
    assert isinstance(kernel, Kernel)
    assert isinstance(last, Yield)
    model = KernelModel.of(kernel, schedule)
    results = [number for number, value in enumerate(last.operands) if value is written]
    outputs = [o for o in model.outputs if o.row is not None and o.result in results]
    return len(outputs) == 1 and reads_where_it_writes(model, outputs[0])


def reads_where_it_writes(model: KernelModel, output: Output) -> bool:
    """Tells whether all that a kernel reads of the table is the element that it is about to update."""
    loads = [load for load in model.loads if load.argument == output.base]
    return all(
        load.operands == (output.row,) and load.offset == output.offset and not load.bounds for load in loads
    )


def obstacle(model: KernelModel, output: Output) -> str | None:
    """Why a rows kernel cannot update rows of a table, if it cannot."""
    space = model.space
    long = frozenset(dim for dim, extent in enumerate(space.extents) if extent != 1)
    assert output.number is not None
    if long & frozenset(space.outer):
        return "rows that a table takes up are counted by reduced extents"
    if output.number.dims | output.offset.dims != long or not (output.number.dims and output.offset.dims):
        return "rows that a table takes up have all loops of the kernel, and more than one element"
    if not any(load.argument == output.base for load in model.loads):
        return "rows that a table takes up are computed from rows of it"
    if output.long_total(space.extents) is not None:
        return "rows that a table takes up are few for each index, and need no wider sums"
    terms = [node.operands[0] for node in model.nodes if isinstance(node, Reduce)]
    if any(node.stage for node in (*(o.node for o in model.outputs if o.offset.dims), *terms)):
        return "rows that a table takes up wait for no reduction"
    return None
