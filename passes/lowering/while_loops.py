"""Loops with a condition: tensors are carried in their buffers, stacks as values of `scf.while`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import scf
from xdsl.dialects.builtin import MemRefType, i1
from xdsl.ir import Block, Region, SSAValue

from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.types import StackType
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.lowering.buffer_assignment import SCRATCH, BufferAssignment, BufferKey
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.host_memory import HostMemory
from pullback.passes.lowering.memrefs import bytes_of, tensor_memref
from pullback.passes.lowering.stack_memory import Stacks
from pullback.passes.lowering.strided_layout import StridedLayout


def lower_while(op: While, memory: HostMemory, stacks: Stacks, lower_block: Callable[[Block], None]) -> None:
    """Initial values go to the carried buffers; then each round ends by moving what it yields there."""
    assignment = memory.assignment
    tensors = [(i, r) for i, r in zip(op.operands, op.results, strict=True) if not is_stack(r)]
    move(memory, [(assignment.of(i), assignment.of(r), tensor_memref(r)) for i, r in tensors])
    inits = [p for i in op.operands if is_stack(i) for p in stacks.take(i, op).parts]
    before, after = Block(arg_types=[v.type for v in inits]), Block(arg_types=[v.type for v in inits])
    for region, block in ((op.condition, before), (op.body, after)):
        stacks.define([a for a in region.block.args if is_stack(a)], block.args)
    with memory.builder.entering(before):
        lower_block(op.condition.block)
        insert(new_operation(scf.ConditionOp, operands=[condition(memory, op), *before.args]))
    with memory.builder.entering(after):
        stacks.free_unused(op.body.block.args)
        lower_block(op.body.block)
        last = op.body.block.last_op
        assert last is not None
        yielded = list(zip(last.operands, op.results, strict=True))
        parts = [p for v, _ in yielded if is_stack(v) for p in stacks.take(v, last).parts]
        kept = [(v, r) for v, r in yielded if not is_stack(v)]
        move(memory, [(assignment.of(v), assignment.of(r), tensor_memref(r)) for v, r in kept])
        stacks.free_after(last)
        insert(new_operation(scf.YieldOp, operands=parts))
    made = new_operation(
        scf.WhileOp,
        operands=inits,
        result_types=[v.type for v in inits],
        regions=[Region(before), Region(after)],
    )
    insert(made)
    stacks.define([r for r in op.results if is_stack(r)], made.results)


def is_stack(value: SSAValue) -> bool:
    """Tells whether a carried value is a stack."""
    return isinstance(value.type, StackType)


def condition(memory: HostMemory, op: While) -> SSAValue:
    """Loads the condition, whether to run the body again, from the byte that its kernel has written."""
    last = op.condition.block.last_op
    assert last is not None
    flag = memory.view(
        memory.assignment.of(last.operands[0]), MemRefType(tensor_memref(last.operands[0]).element_type, [1])
    )
    return BufferView(memory.flag(flag), StridedLayout((1,), (1,)), i1).load(memory.builder, [], 0).value


Move = tuple[BufferKey, BufferKey, MemRefType]
"""A copy: its source, its target, and its type."""


def move(memory: HostMemory, moves: Sequence[Move]) -> None:
    """Copies several tensors as if at once: none is overwritten before it is read."""
    pending = [m for m in moves if m[0] != m[1]]
    while pending:
        sources = [source for source, _, _ in pending]
        free = next((m for m in pending if m[1] not in sources), None)
        if free is None:  # a cycle: one of its targets is set aside
            _, target, type_ = pending[0]
            memory.copy(memory.view(target, type_), memory.view(SCRATCH, type_))
            pending = [(SCRATCH if s == target else s, t, m) for s, t, m in pending]
            continue
        source, target, type_ = free
        memory.copy(memory.view(source, type_), memory.view(target, type_))
        pending.remove(free)


def temporary_bytes(assignment: BufferAssignment, op: While) -> int:
    """The scratch memory that `move` may need: the largest carried tensor, if values may change buffers."""
    last = op.body.block.last_op
    assert last is not None
    pairs = [(v, r) for v, r in zip(last.operands, op.results, strict=True) if not is_stack(v)]
    sources = [assignment.of(v) for v, r in pairs if assignment.of(v) != assignment.of(r)]
    targets = [assignment.of(r) for _, r in pairs]
    return (
        max((bytes_of(tensor_memref(r)) for _, r in pairs), default=0) if set(sources) & set(targets) else 0
    )
