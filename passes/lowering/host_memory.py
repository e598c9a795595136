"""The memory of a host function, as operations on one device see it: buffers, and what the host does with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import ClassVar, TypeAlias

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.gpu import MemcpyOp
from pullback.dialects.upstream.memref import CopyOp
from pullback.passes.lowering.buffer_assignment import (
    ARENA_ALIGNMENT,
    ARENA_KIND,
    SCRATCH,
    BufferKey,
    arena_on,
)
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.host_arguments import HostArguments
from pullback.passes.lowering.memrefs import tensor_memref

InsertCall: TypeAlias = Callable[[Sequence[SSAValue]], None]
"""Inserts the call of a function that takes these memrefs."""


class HostMemory:
    """The buffers of a host function, which are views of its arguments, for operations on one device.

    Host and kernels reach all of it. `None` stands for the device of a program that names none.
    """

    def __init__(self, arguments: HostArguments, device: str | None = None) -> None:
        self.arguments, self.device = arguments, device
        self.assignment, self.builder = arguments.assignment, arguments.builder

    def view(self, buffer: BufferKey, type_: MemRefType) -> SSAValue:
        """A buffer as a memref of this type; it is made once, where the function begins."""
        kind, where = buffer
        if kind == SCRATCH[0]:
            return self._part(arena_on(self.device), self._scratch + int(where), type_, "scratch")
        if kind.startswith(ARENA_KIND):
            return self._part(kind, int(where), type_, "buffer")
        whole = self._constant(buffer) if kind == "constant" else self.arguments.of(buffer)
        return self._shaped(whole, type_)

    def tensor(self, value: SSAValue) -> SSAValue:
        """The buffer of a tensor in the tensor's own shape."""
        return self.view(self.assignment.of(value), tensor_memref(value))

    @property
    def _scratch(self) -> int:
        return self.arguments.scratch.get(self.device, 0)

    def _part(self, arena: str, start: int, type_: MemRefType, hint: str) -> SSAValue:
        whole, shift = self.arguments.of((arena, 0)), self.builder.index(start)
        return self.builder.once(
            (hint, arena, start, type_),
            lambda: new_operation(memref.ViewOp, operands=[whole, shift], result_types=[type_]),
            hint,
        )

    def _shaped(self, whole: SSAValue, type_: MemRefType) -> SSAValue:
        if whole.type == type_:
            return whole
        return self.builder.once((whole, type_), lambda: reshaped(whole, type_), whole.name_hint or "input")

    def _constant(self, buffer: BufferKey) -> SSAValue:
        """A constant where operations on the device read it."""
        type_ = tensor_memref(self.assignment.constants[buffer].results[0])
        return self.builder.once(
            (buffer,), lambda: memref.GetGlobalOp(self.arguments.global_of(buffer), type_), "constant"
        )

    # ---- what the host does with memory -----------------------------------------------------------------

    def copy(self, source: SSAValue, target: SSAValue) -> None:
        """Copies what one memref holds to another of the same shape."""
        insert(new_operation(CopyOp, operands=[source, target]))

    def copy_from(self, source: SSAValue, device: str | None, target: SSAValue) -> None:
        """Copies what a memref of some device holds to one of this."""
        if device == self.device:
            self.copy(source, target)
        else:
            insert(MemcpyOp(target, source))

    def allocate(self, type_: MemRefType, room: SSAValue) -> SSAValue:
        """New memory for so many rows."""
        return result_of(memref.AllocOp([room], [], type_), "rows")

    def free(self, rows: SSAValue) -> None:
        """Frees what `allocate` made."""
        insert(new_operation(memref.DeallocOp, operands=[rows]))

    def clear(self, target: SSAValue) -> None:
        """Stores zeros, of a type that `arith` has, to all elements."""
        type_ = target.type
        assert isinstance(type_, MemRefType)
        zero = self.builder.number(0, type_.element_type).value

        def store(indices: list[SSAValue], extents: Sequence[int]) -> list[SSAValue]:
            if not extents:
                insert(memref.StoreOp.get(zero, target, indices))
            else:
                bounds = 0, extents[0], 1
                self.builder.loop(bounds, "i", [], lambda i, _: store([*indices, i], extents[1:]))
            return []

        store([], type_.get_shape())

    def flag(self, buffer: SSAValue) -> SSAValue:
        """Memory that the host may load from, which holds what `buffer` does now."""
        return buffer

    def call(
        self, op: GraphOp, operands: Sequence[SSAValue], results: Sequence[SSAValue], insert_call: InsertCall
    ) -> None:
        """Inserts the call of what the host runs for `op`.

        Args:
            op: the operation.
            operands: tensors, or memrefs that hold some.
            results: the same for what the call writes.
            insert_call: is given a memref for each.
        """
        insert_call([self._reached(value) for value in (*operands, *results)])

    def _reached(self, value: SSAValue) -> SSAValue:
        return value if isinstance(value.type, MemRefType) else self.tensor(value)


def reshaped(source: SSAValue, type_: MemRefType) -> Operation:
    """The same memory under another shape."""
    shape = type_.get_shape()
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return memref.ReinterpretCastOp(source, [], [], [], [0], list(shape), strides, type_)


class Memories:
    """The memory of a host function on each device that it works on."""

    alignment: ClassVar[int] = ARENA_ALIGNMENT
    """Bytes to which scratch memory is aligned in an arena."""

    def __init__(self, arguments: HostArguments) -> None:
        self.arguments = arguments
        self._by_device: dict[str | None, HostMemory] = {}

    def on(self, device: str | None) -> HostMemory:
        """The memory as operations on a device see it."""
        if device not in self._by_device:
            self._by_device[device] = self._seen_from(device)
        return self._by_device[device]

    def finish(self) -> func.FuncOp:
        """The host function."""
        return self.arguments.finish()

    def _seen_from(self, device: str | None) -> HostMemory:
        return HostMemory(self.arguments, device)
