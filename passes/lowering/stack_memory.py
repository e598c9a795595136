"""Stacks: buffers that grow. A stack is a memref of rows, how many are in use, and for how many there is room.

Each stack has one owner. Its last use takes it over; an earlier one, or one in a loop around which it is
defined, works on a copy. So a push may write, and what is not taken is freed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, StridedLayoutAttr
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.stacks import EmptyStack, Pop, Push
from pullback.dialects.graph.tensor.attributes import scalar_attribute
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.types import StackType, element_type_of, is_complex, shape_of_type
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.lowering.code_builder import index_op, named, result_of
from pullback.passes.lowering.host_memory import HostMemory
from pullback.passes.lowering.strided_layout import memref_type

FIRST_ROWS = 16
"""Room that a new stack has; it doubles as needed."""


@dataclass(frozen=True)
class Stack:
    """A stack as values of level `loops`."""

    rows: SSAValue
    size: SSAValue
    room: SSAValue

    @property
    def parts(self) -> tuple[SSAValue, SSAValue, SSAValue]:
        return self.rows, self.size, self.room


CallHost: TypeAlias = Callable[[HostMemory, GraphOp, Sequence[SSAValue], Sequence[SSAValue]], None]
"""Inserts a call of what the host runs, in a memory, on that of its operands, into that of its results."""


class Stacks:
    """The stacks of a host function in one memory. What rows of any dtype need to be computed with runs on the host."""

    def __init__(self, memory: HostMemory, call_host: CallHost) -> None:
        self.memory = memory
        self.builder = memory.builder
        self.call_host = call_host
        self._known: dict[SSAValue, Stack] = {}

    # ---- operations -------------------------------------------------------------------------------------

    def empty(self, op: EmptyStack) -> None:
        """Room for a few rows."""
        type_ = op.results[0].type
        assert isinstance(type_, StackType)
        room = self.builder.index(FIRST_ROWS)
        self._known[op.results[0]] = Stack(
            self.memory.allocate(rows_type(type_), room), self.builder.index(0), room
        )

    def push(self, op: Push) -> None:
        """The value's copy in the next row."""
        stack = self._grown(self.take(op.operands[0], op))
        self.memory.copy(self.memory.tensor(op.operands[1]), row_of(stack.rows, stack.size))
        size = result_of(index_op(arith.AddiOp, stack.size, self.builder.index(1)), "size")
        self._known[op.results[0]] = Stack(stack.rows, size, stack.room)

    def pop(self, op: Pop) -> None:
        """A copy of the last row; zeros, of a stack without any."""
        stack, target = self.take(op.operands[0], op), self.memory.tensor(op.results[1])
        is_empty = result_of(CmpiOp(stack.size, self.builder.index(0), "eq"), "empty")
        clear, take = Block(), Block()
        with self.builder.entering(clear):
            self._clear(op.results[1], target)
            insert(new_operation(scf.YieldOp, operands=[stack.size]))
        with self.builder.entering(take):
            size = result_of(index_op(arith.SubiOp, stack.size, self.builder.index(1)), "size")
            self.memory.copy(row_of(stack.rows, size), target)
            insert(new_operation(scf.YieldOp, operands=[size]))
        (size,) = if_else(is_empty, clear, take, ["size"])
        self._known[op.results[0]] = Stack(stack.rows, size, stack.room)

    def add(self, op: AddN) -> None:
        """Row by row from the last one, where below the first one there are zeros."""
        total, *others = [self.take(v, op) for v in op.operands]
        for other in others:
            total = self._sum(op, total, other)
        self._known[op.results[0]] = total

    def copy_from(self, source: Stacks, op: CopyTo) -> None:
        """A copy of a stack on another device: of the rows that are in use."""
        (value,) = op.operands
        stack = source._known[value]
        rows = self._allocated_as(stack, stack.room)
        used, copied = (first_rows(of, stack.size) for of in (stack.rows, rows))
        self.memory.copy_from(used, source.memory.device, copied)
        self._known[op.results[0]] = Stack(rows, stack.size, stack.room)
        if is_last_use(value, op):
            source._free(value)

    def _sum(self, op: AddN, a: Stack, b: Stack) -> Stack:
        """The rows of the shorter one, added to those of the longer one."""
        first, second = Block(), Block()
        for block, (longer, shorter) in ((first, (a, b)), (second, (b, a))):
            with self.builder.entering(block):
                insert(new_operation(scf.YieldOp, operands=[*longer.parts, *shorter.parts]))
        is_longer = result_of(CmpiOp(a.size, b.size, "sge"), "longer")
        parts = if_else(is_longer, first, second, ["rows", "size", "room"] * 2)
        longer, shorter = Stack(*parts[:3]), Stack(*parts[3:])
        before = result_of(index_op(arith.SubiOp, longer.size, shorter.size), "before")
        row = row_tensor(op.results[0])
        add = new_operation(AddN, operands=Block(arg_types=[row, row]).args, result_types=[row])

        def body(number: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            into = row_of(longer.rows, self.builder.sum_of([(before, 1), (number, 1)], 0))
            self.call_host(self.memory, add, [into, row_of(shorter.rows, number)], [into])
            return []

        bounds = self.builder.index(0), shorter.size, self.builder.index(1)
        self.builder.loop_between(bounds, "row", [], body)
        self.memory.free(shorter.rows)
        return longer

    def _clear(self, value: SSAValue, target: SSAValue) -> None:
        """Zeros in the memory of a tensor."""
        element_type = element_type_of(value.type)
        if not is_complex(element_type):
            self.memory.clear(target)
            return
        zero = {"value": scalar_attribute(0, element_type)}  # arith has no complex numbers
        self.call_host(
            self.memory, new_operation(Fill, result_types=[value.type], properties=zero), [], [target]
        )

    def _allocated_as(self, stack: Stack, room: SSAValue) -> SSAValue:
        """New memory for so many rows as those of a stack."""
        type_ = stack.rows.type
        assert isinstance(type_, MemRefType)
        return self.memory.allocate(type_, room)

    def _grown(self, stack: Stack) -> Stack:
        """The stack with room for one row more."""
        full = CmpiOp(stack.size, stack.room, "eq")
        is_full = result_of(full, "full")
        grow, keep = Block(), Block()
        with self.builder.entering(grow):
            room = result_of(index_op(arith.AddiOp, stack.room, stack.room), "room")
            rows = self._allocated_as(stack, room)
            self.memory.copy(stack.rows, first_rows(rows, stack.room))
            self.memory.free(stack.rows)
            insert(new_operation(scf.YieldOp, operands=[rows, room]))
        with self.builder.entering(keep):
            insert(new_operation(scf.YieldOp, operands=[stack.rows, stack.room]))
        rows, room = if_else(is_full, grow, keep, ["rows", "room"])
        return Stack(rows, stack.size, room)

    # ---- ownership --------------------------------------------------------------------------------------

    def define(self, stacks: Sequence[SSAValue], parts: Sequence[SSAValue]) -> None:
        """These stacks consist of these values, three for each."""
        for number, stack in enumerate(stacks):
            rows, size, room = parts[3 * number : 3 * number + 3]
            self._known[stack] = Stack(named(rows, "rows"), named(size, "size"), named(room, "room"))

    def take(self, value: SSAValue, user: Operation) -> Stack:
        """The stack for its user to change: itself at its last use, else a copy."""
        stack = self._known[value]
        if is_last_use(value, user):
            return stack
        rows = self._allocated_as(stack, stack.room)
        self.memory.copy(stack.rows, rows)
        return Stack(rows, stack.size, stack.room)

    def free_after(self, op: Operation) -> None:
        """Frees what this operation was the last to see, and did not take, and what it made without use."""
        seen = [v for inner in op.walk() for v in inner.operands if v in self._known]
        for value in dict.fromkeys(seen):
            if owner_block(value) is op.parent and last_user(value) is op and not is_last_use(value, op):
                self._free(value)
        self.free_unused(op.results)

    def free_unused(self, values: Sequence[SSAValue]) -> None:
        """Frees those without uses."""
        for value in values:
            if value in self._known and not any(True for _ in value.uses):
                self._free(value)

    def _free(self, value: SSAValue) -> None:
        self.memory.free(self._known[value].rows)


def owner_block(value: SSAValue) -> Block | None:
    """The block in which a value is defined."""
    owner = value.owner
    return owner if isinstance(owner, Block) else owner.parent


def last_user(value: SSAValue) -> Operation | None:
    """The last operation of the value's own block that uses it, itself or in its regions."""
    block = owner_block(value)
    assert block is not None
    users = {block.find_ancestor_op_in_block(use.operation) for use in value.uses}
    return next((op for op in reversed(list(block.ops)) if op in users), None)


def is_last_use(value: SSAValue, user: Operation) -> bool:
    """Tells whether nothing uses a value after `user`, nor `user` twice."""
    uses = [use.operation for use in value.uses]
    return (
        last_user(value) is user
        and uses.count(user) == 1
        and not any(user.is_ancestor(other) and other is not user for other in uses)
    )


def if_else(condition: SSAValue, then: Block, otherwise: Block, names: Sequence[str]) -> Sequence[SSAValue]:
    """The values, under these names, that one of two blocks yields."""
    last = then.last_op
    assert last is not None
    op = new_operation(
        scf.IfOp,
        operands=[condition],
        result_types=last.operand_types,
        regions=[Region(then), Region(otherwise)],
    )
    insert(op)
    return [named(result, name) for result, name in zip(op.results, names, strict=True)]


# ---- memory ---------------------------------------------------------------------------------------------------


def row_tensor(stack: SSAValue) -> Attribute:
    """The type of the tensors on a stack."""
    type_ = stack.type
    assert isinstance(type_, StackType)
    return type_.data_type


def rows_type(type_: StackType) -> MemRefType:
    """A memref of any number of rows, each a tensor of the stack."""
    data = type_.data_type
    return memref_type((DYNAMIC_INDEX, *shape_of_type(data)), element_type_of(data))


def strided(type_: MemRefType, shape: Sequence[int], *, is_row: bool) -> MemRefType:
    """The type of a part of `type_`: one row somewhere, or its first rows."""
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return MemRefType(type_.element_type, list(shape), StridedLayoutAttr(strides, None if is_row else 0))


def row_of(rows: SSAValue, number: SSAValue) -> SSAValue:
    """One row."""
    type_ = rows.type
    assert isinstance(type_, MemRefType)
    _, *shape = type_.get_shape()
    zeros, ones = [0] * len(shape), [1] * (len(shape) + 1)
    part = strided(type_, shape, is_row=True)
    return result_of(memref.SubviewOp.get(rows, [number, *zeros], [1, *shape], ones, part), "row")


def first_rows(rows: SSAValue, count: SSAValue) -> SSAValue:
    """The first `count` rows."""
    type_ = rows.type
    assert isinstance(type_, MemRefType)
    _, *shape = type_.get_shape()
    ones = [1] * (len(shape) + 1)
    part = strided(type_, [DYNAMIC_INDEX, *shape], is_row=False)
    return result_of(memref.SubviewOp.get(rows, [0] * len(ones), [count, *shape], ones, part), "rows")
