"""Values of loops: what is outside of a loop, new carried values, and where new operations go."""

from __future__ import annotations

from math import prod

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue, SSAValues

from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import Insert
from pullback.dialects.graph.tensor.types import StackType, element_type_of, is_static, shape_of_type
from pullback.passes.rewriting.same_device import place_like


def is_outside(value: SSAValue, loop: While) -> bool:
    """Whether a value is defined outside of a loop: every trip sees the same one."""
    block = value.owner if isinstance(value.owner, Block) else value.owner.parent
    while block is not None:
        around = block.parent_op()
        if around is loop:
            return False
        block = around.parent if around is not None else None
    return True


def is_tensor(value: SSAValue) -> bool:
    """Whether a value is a tensor of static shape."""
    return isinstance(value.type, TensorType) and is_static(value.type)


def bytes_of_row(value: SSAValue) -> int:
    """The memory of a tensor, or of one row of a stack."""
    type_ = value.type.data_type if isinstance(value.type, StackType) else value.type
    return prod(shape_of_type(type_)) * bit_width(element_type_of(type_)) // 8


def before(anchor: Operation, like: Operation | None = None) -> Insert:
    """Inserts new operations before one, with the location and the device of `like`."""
    block = anchor.parent
    assert block is not None

    def insert(op: Operation) -> None:
        _made_like(op, like or anchor)
        block.insert_op_before(op, anchor)

    return insert


def behind(anchor: Operation, like: Operation) -> Insert:
    """Inserts new operations one after another behind one, with the location and the device of `like`."""
    last = anchor

    def insert(op: Operation) -> None:
        nonlocal last
        assert last.parent is not None
        _made_like(op, like)
        last.parent.insert_op_after(op, last)
        last = op

    return insert


def at_end(block: Block, like: Operation) -> Insert:
    """Inserts new operations at the end of a block, with the location and the device of `like`."""

    def insert(op: Operation) -> None:
        _made_like(op, like)
        block.add_op(op)

    return insert


def _made_like(op: Operation, like: Operation) -> None:
    op.location = like.location
    place_like(op, like)


def yield_of(loop: While) -> Operation:
    """The terminator of a loop's body."""
    last = loop.body.block.last_op
    assert last is not None
    return last


def carry(loop: While, init: SSAValue) -> BlockArgument:
    """Lets a loop carry one value more, and gives it in the body; `yield_next` is to follow."""
    count = len(loop.results)
    loop.operands = [*loop.operands, init]
    loop.results = SSAValues((*loop.results, OpResult(init.type, loop, count)))
    loop.condition.block.insert_arg(init.type, count)
    return loop.body.block.insert_arg(init.type, count)


def yield_next(loop: While, value: SSAValue) -> SSAValue:
    """What the body makes of the value that `carry` has added; gives the last one."""
    last = yield_of(loop)
    last.operands = [*last.operands, value]
    return loop.results[-1]
