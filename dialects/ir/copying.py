"""Copies of IR, made in one pass. xDSL's own takes two, and twice the time."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue

from pullback.dialects.ir.new_operation import new_operation


def copy_operation(op: Operation, copies: dict[SSAValue, SSAValue]) -> Operation:
    """A copy that uses `copies` of the operands, where there are such, and adds its own results to them."""
    made = new_operation(
        type(op),
        [copies.get(value, value) for value in op._operands],  # pyright: ignore[reportPrivateUsage]  no view
        [result.type for result in op.results],
        op.properties,
        attributes=op.attributes,
        location=op.location,
        regions=[Region([copy_block(block, copies) for block in region.blocks]) for region in op.regions],
    )
    for result, copied in zip(op.results, made.results, strict=True):
        copied._name = result._name  # pyright: ignore[reportPrivateUsage]  a valid name already
        copies[result] = copied
    return made


def copy_block(block: Block, copies: dict[SSAValue, SSAValue]) -> Block:
    """A copy of a block that no operation branches to."""
    made = Block(arg_types=block.arg_types)
    for argument, copied in zip(block.args, made.args, strict=True):
        copied._name, copied.location = argument._name, argument.location  # pyright: ignore[reportPrivateUsage]
        copies[argument] = copied
    for op in block.ops:
        made.add_op(copy_operation(op, copies))
    return made


def copy_module(module: ModuleOp) -> ModuleOp:
    """A copy of a module without branches: of any level down to the one above LLVM IR."""
    copied = copy_operation(module, {})
    assert isinstance(copied, ModuleOp)
    return copied
