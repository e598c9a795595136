"""The memory of a GPU in a host function: tensors are there, and the host works on copies of them.

What the host runs for

    %1 = "graph.cholesky" %0

is a copy of `%0` to the host arena, the call, and a copy of what it has written to the buffer of `%1`:

    gpu.memcpy %host, %buffer : memref<3x3xf32>, memref<3x3xf32>
    func.call @main_host_0(%host, %host_1) : (memref<3x3xf32>, memref<3x3xf32>) -> ()
    gpu.memcpy %buffer_1, %host_1 : memref<3x3xf32>, memref<3x3xf32>

A value never changes. So a copy of one stays valid for as long as its place in the arena is held, which is until the
last operation of its block that the host runs on it; and a result is not copied to the device where nothing but such
operations of its block use it. The host reads constants where the module has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import ArrayAttr, MemRefType, StringAttr, i8
from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.kernel.argument_roles import CONSTANT, DEVICES, HOST_ARENA
from pullback.dialects.graph.kernel.devices import ALLOCATED_ON
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.device import CUDA, HOST
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.gpu import AllocOp, DeallocOp, MemcpyOp, MemsetOp
from pullback.passes.gpu.host_arena import HostArena
from pullback.passes.lowering.buffer_assignment import BufferKey
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.host_arguments import HostArguments
from pullback.passes.lowering.host_memory import HostMemory, InsertCall, Memories
from pullback.passes.lowering.memrefs import bytes_of, tensor_memref
from pullback.passes.lowering.support import runs_on_host


class GpuMemory(HostMemory):
    """Memory of a GPU for all tensors, and the host arena for what the host reads and writes."""

    def __init__(self, arguments: HostArguments, device: str | None, host_arena: HostArena) -> None:
        super().__init__(arguments, device)
        self._host_arena = host_arena
        self._constants: dict[BufferKey, SSAValue] = {}
        self._numbers = {op: number for number, op in enumerate(self.assignment.function.walk())}
        self._places: dict[tuple[Block | None, SSAValue], int] = {}
        """The places of values in the host arena that a later operation of the block reads."""

    def _constant(self, buffer: BufferKey) -> SSAValue:
        """The argument for a constant on the device."""
        if buffer not in self._constants:
            type_ = tensor_memref(self.assignment.constants[buffer].results[0])
            role = f"{CONSTANT}{self.arguments.global_of(buffer)}"
            self._constants[buffer] = self.arguments.add(role, type_, self.device, "constant")
        return self._constants[buffer]

    # ---- what the host does with memory -----------------------------------------------------------------

    def copy(self, source: SSAValue, target: SSAValue) -> None:
        insert(MemcpyOp(target, source))

    def allocate(self, type_: MemRefType, room: SSAValue) -> SSAValue:
        op = AllocOp([room], type_)
        if self.device is not None and self.device != CUDA:
            op.attributes[ALLOCATED_ON] = StringAttr(self.device)
        return result_of(op, "rows")

    def free(self, rows: SSAValue) -> None:
        insert(DeallocOp(rows))

    def clear(self, target: SSAValue) -> None:
        type_ = target.type
        assert isinstance(type_, MemRefType)
        insert(MemsetOp(target, self.builder.number(0, type_.element_type).value))

    def flag(self, buffer: SSAValue) -> SSAValue:
        place, flag = self._taken(buffer.type)
        self.copy(buffer, flag)
        self._host_arena.release(place)
        return flag

    def call(
        self, op: GraphOp, operands: Sequence[SSAValue], results: Sequence[SSAValue], insert_call: InsertCall
    ) -> None:
        taken: dict[SSAValue, int] = {}
        arguments = [self._operand(op, value, taken) for value in operands]
        written: list[tuple[SSAValue, SSAValue, int]] = []
        for value in results:
            place, view = self._taken(memref_of(value))
            written.append((value, view, place))
        insert_call([*arguments, *(view for _, view, _ in written)])
        for value, view, place in written:
            if isinstance(value.type, MemRefType):
                self.copy(view, value)
            elif any(not self._reads_on_host(use.operation, op) for use in value.uses):
                self.copy(view, self.tensor(value))
            self._keep(op, value, place)
        for value, place in taken.items():
            self._keep(op, value, place)

    def _operand(self, op: GraphOp, value: SSAValue, taken: dict[SSAValue, int]) -> SSAValue:
        """What the host reads in place of a value: a constant, a copy that is there, or a new one."""
        type_ = memref_of(value)
        if not isinstance(value.type, MemRefType):
            buffer = self.assignment.of(value)
            if buffer[0] == "constant":
                return self._shaped(super()._constant(buffer), type_)
            if (op.parent, value) in self._places:
                taken[value] = self._places.pop((op.parent, value))
        if value in taken:
            return self._view(taken[value], type_)
        taken[value], view = self._taken(type_)
        self.copy(self._reached(value), view)
        return view

    def _keep(self, op: GraphOp, value: SSAValue, place: int) -> None:
        """Holds the place of a value that a later operation of the block reads, or gives it back."""
        if any(self._reads_on_host(use.operation, op) for use in value.uses):
            self._places[op.parent, value] = place
        else:
            self._host_arena.release(place)

    def _reads_on_host(self, user: Operation, op: GraphOp) -> bool:
        """Tells whether an operation is one after `op`, in its block, that the host runs."""
        return (
            user in self._numbers
            and op in self._numbers
            and user.parent is op.parent
            and self._numbers[user] > self._numbers[op]
            and runs_on_host(user)
        )

    def _taken(self, type_: object) -> tuple[int, SSAValue]:
        """A new place in the host arena."""
        assert isinstance(type_, MemRefType)
        place = self._host_arena.take(bytes_of(type_))
        return place, self._view(place, type_)

    def _view(self, place: int, type_: MemRefType) -> SSAValue:
        shift = self.builder.index(place)
        return self.builder.once(
            (HOST_ARENA, place, type_),
            lambda: memref.ViewOp.create(operands=[self._host_arena.argument, shift], result_types=[type_]),
            "host",
        )


class DeviceMemories(Memories):
    """The memory of each device at level `gpu`; a program that names none is on the first GPU.

    After the arguments of other lowerings there are one for each constant that a GPU reads, on each that does, and the
    host arena.
    """

    alignment = 256  # what allocators of devices give

    def __init__(self, arguments: HostArguments) -> None:
        super().__init__(arguments)
        self._host_arena = HostArena()

    def finish(self) -> func.FuncOp:
        """The host function, which says what its arguments are for, and on which device each is."""
        if size := self._host_arena.size:
            argument = self.arguments.add(HOST_ARENA, MemRefType(i8, [size]), HOST, HOST_ARENA)
            self._host_arena.argument.replace_all_uses_with(argument)
        function = super().finish()
        devices = [device or CUDA for device in self.arguments.devices]
        function.attributes[DEVICES] = ArrayAttr([StringAttr(device) for device in devices])
        return function

    def _seen_from(self, device: str | None) -> HostMemory:
        if device == HOST:
            return super()._seen_from(device)
        return GpuMemory(self.arguments, device, self._host_arena)


def memref_of(value: SSAValue) -> MemRefType:
    """The type of the elements of a tensor, or of a memref of any offset, one after the other."""
    type_ = value.type
    return (
        MemRefType(type_.element_type, type_.shape) if isinstance(type_, MemRefType) else tensor_memref(value)
    )
