"""Building: puts the operations of a block in their new order, and groups into `graph.kernel`s (the last walk)."""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects.builtin import UNKNOWN_LOC, StringAttr
from xdsl.ir import Block, Operation, Region, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.ir.copying import copy_operation
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.ir.positions import placed_as
from pullback.passes.kernels.form.bodies import Bodies, Body
from pullback.passes.kernels.form.choose_schedule import schedule_of
from pullback.passes.kernels.form.choose_split import split_long_reduction
from pullback.passes.kernels.form.classify import Classified, Outside
from pullback.passes.kernels.form.grouping import Groups
from pullback.passes.kernels.form.groups import Group

Values = dict[SSAValue, SSAValue]
"""The value that there is now for one of the program."""


def build(
    block: Block,
    classified: Classified,
    groups: Groups,
    bodies: Bodies,
    values: Values,
    vector_bits_on: Callable[[str | None], int | None],
    fmas: int,
) -> list[Operation]:
    """Builds a block anew from its groups; returns the operations that are no longer in it.

    `vector_bits_on` gives the width of a vector register on a device, if that has any, and `fmas` how many FMAs of such
    vectors begin in a cycle.
    """
    old = list(block.ops)
    for op in old:
        op.detach()
    for item in groups.items:
        if isinstance(item, Outside):
            # Kernels repeat the original of what is deferred.
            op = copy_operation(item.op, values) if item.op in classified.deferred else item.op
            block.add_op(op)
            if any(v in values for v in op.operands):
                op.operands = [values.get(v, v) for v in op.operands]
        elif item in bodies:
            block.add_op(build_kernel(item, bodies[item], values, vector_bits_on(item.device), fmas))
    return [op for op in old if op.parent is None]


def build_kernel(group: Group, body: Body, values: Values, vector_bits: int | None, fmas: int) -> Kernel:
    """Builds the kernel of a group; `values` gives what there is now for a value, and takes up the results."""
    inputs = [values.get(v, v) for v in body.inputs]
    block = Block(arg_types=[v.type for v in inputs])
    inside: Values = {}
    for old, new in zip(body.inputs, block.args, strict=True):
        inside[old] = new
        new.name_hint = old.name_hint
    for op in body.ops:
        made = copy_operation(op, inside)
        made.attributes.pop(DEVICE, None)  # the kernel states it for all
        block.add_op(made)
    block.add_op(new_operation(Yield, operands=[inside[v] for v in body.outputs]))
    owner = body.outputs[-1].owner
    kernel = new_operation(
        Kernel,
        operands=inputs,
        result_types=[v.type for v in body.outputs],
        properties={"schedule": schedule_of(group, block, vector_bits, fmas)},
        attributes={} if group.device is None else {DEVICE: StringAttr(group.device)},
        regions=[Region(block)],
        location=placed_as(UNKNOWN_LOC, owner.location) if isinstance(owner, Operation) else UNKNOWN_LOC,
    )
    if vector_bits is not None:
        split_long_reduction(kernel)
    for old, new in zip(body.outputs, kernel.results, strict=True):
        values[old] = new
        new.name_hint = old.name_hint
    return kernel
