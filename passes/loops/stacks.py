"""Stacks: buffers that grow. A stack is a memref of rows, how many are in use, and for how many there is room.

Each stack has one owner. Its last use takes it over; an earlier one, or one in a loop around which it is
defined, works on a copy. So a push may write, and what nobody takes is freed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import arith, memref, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, StridedLayoutAttr
from xdsl.ir import Block, Operation, Region, SSAValue

from pullback.dialects.graph.stacks import EmptyStack, Pop, Push
from pullback.dialects.graph.types import StackType, element_type_of, shape_of_type
from pullback.dialects.graph.value import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.loops.buffers import Buffers
from pullback.passes.loops.build import index_op, named, result_of
from pullback.passes.loops.layout import memref_type
from pullback.passes.loops.tensors import insert_copy

FIRST_ROWS = 16
"""Room that a new stack has; it doubles as needed."""


@dataclass(frozen=True)
class Stack:
    """A stack as values of level 4c."""

    rows: SSAValue
    size: SSAValue
    room: SSAValue

    @property
    def parts(self) -> tuple[SSAValue, SSAValue, SSAValue]:
        return self.rows, self.size, self.room


class Stacks:
    """The stacks of a host function."""

    def __init__(self, buffers: Buffers) -> None:
        self.buffers = buffers
        self.builder = buffers.builder
        self._known: dict[SSAValue, Stack] = {}

    # ---- operations -------------------------------------------------------------------------------------

    def empty(self, op: EmptyStack) -> None:
        """Room for a few rows."""
        type_ = op.results[0].type
        assert isinstance(type_, StackType)
        room = self.builder.index(FIRST_ROWS)
        self._known[op.results[0]] = Stack(allocated(rows_type(type_), room), self.builder.index(0), room)

    def push(self, op: Push) -> None:
        """The value's copy in the next row."""
        stack = self._grown(self.take(op.operands[0], op))
        insert_copy(self.buffers.tensor(op.operands[1]), row_of(stack.rows, stack.size))
        size = result_of(index_op(arith.AddiOp, stack.size, self.builder.index(1)), "size")
        self._known[op.results[0]] = Stack(stack.rows, size, stack.room)

    def pop(self, op: Pop) -> None:
        """A copy of the last row."""
        stack = self.take(op.operands[0], op)
        size = result_of(index_op(arith.SubiOp, stack.size, self.builder.index(1)), "size")
        insert_copy(row_of(stack.rows, size), self.buffers.tensor(op.results[1]))
        self._known[op.results[0]] = Stack(stack.rows, size, stack.room)

    def _grown(self, stack: Stack) -> Stack:
        """The stack with room for one row more."""
        full = CmpiOp(stack.size, stack.room, "eq")
        is_full = result_of(full, "full")
        grow, keep = Block(), Block()
        with self.builder.entering(grow):
            room = result_of(index_op(arith.AddiOp, stack.room, stack.room), "room")
            rows = allocated(stack.rows.type, room)
            insert_copy(stack.rows, first_rows(rows, stack.room))
            insert(memref.DeallocOp.create(operands=[stack.rows]))
            insert(scf.YieldOp.create(operands=[rows, room]))
        with self.builder.entering(keep):
            insert(scf.YieldOp.create(operands=[stack.rows, stack.room]))
        op = scf.IfOp.create(
            operands=[is_full],
            result_types=[stack.rows.type, stack.room.type],
            regions=[Region(grow), Region(keep)],
        )
        insert(op)
        return Stack(named(op.results[0], "rows"), stack.size, named(op.results[1], "room"))

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
        rows = allocated(stack.rows.type, stack.room)
        insert_copy(stack.rows, rows)
        return Stack(rows, stack.size, stack.room)

    def free_after(self, op: Operation) -> None:
        """Frees what this operation was the last to see, and did not take, and what it made for nobody."""
        seen = [v for inner in op.walk() for v in inner.operands if v in self._known]
        for value in dict.fromkeys(seen):
            if owner_block(value) is op.parent and last_user(value) is op and not is_last_use(value, op):
                self._free(value)
        self.free_unused(op.results)

    def free_unused(self, values: Sequence[SSAValue]) -> None:
        """Frees those that nobody uses."""
        for value in values:
            if value in self._known and not any(True for _ in value.uses):
                self._free(value)

    def _free(self, value: SSAValue) -> None:
        insert(memref.DeallocOp.create(operands=[self._known[value].rows]))


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
    """Whether nothing uses a value after `user`, nor `user` twice."""
    uses = [use.operation for use in value.uses]
    return (
        last_user(value) is user
        and uses.count(user) == 1
        and not any(user.is_ancestor(other) and other is not user for other in uses)
    )


# ---- memory ---------------------------------------------------------------------------------------------------


def rows_type(type_: StackType) -> MemRefType:
    """A memref of any number of rows, each a tensor of the stack."""
    data = type_.data_type
    return memref_type((DYNAMIC_INDEX, *shape_of_type(data)), element_type_of(data))


def allocated(type_: object, room: SSAValue) -> SSAValue:
    """New memory for so many rows."""
    assert isinstance(type_, MemRefType)
    return result_of(memref.AllocOp([room], [], type_), "rows")


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
