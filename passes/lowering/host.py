"""The host function: one call for each kernel, in order, on the buffers that the memory plan chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from xdsl.dialects import func
from xdsl.dialects.builtin import LocationAttr, MemRefType, i1
from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.kernel.host_call import host_function, parts_of
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import device_of_value
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.indexed import Alias
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.stacks import EmptyStack, Pop, Push
from pullback.dialects.graph.state.variables import Assign, Read, VariableOp
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.graph.tensor.types import SlicesType, StackType
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_of_class, operations_within
from pullback.passes.lowering.buffer_assignment import (
    ARENA_ALIGNMENT,
    SCRATCH,
    BufferAssignment,
    BufferKey,
)
from pullback.passes.lowering.code_builder import named
from pullback.passes.lowering.host_arguments import HostArguments
from pullback.passes.lowering.host_memory import HostMemory, Memories
from pullback.passes.lowering.kernel_origins import origin_of
from pullback.passes.lowering.lowered_kernels import LoweredKernels, Signature, scratch_end
from pullback.passes.lowering.memrefs import bytes_of, tensor_memref
from pullback.passes.lowering.stack_memory import Stacks
from pullback.passes.lowering.support import runs_on_host
from pullback.passes.lowering.while_loops import is_stack, lower_while, temporary_bytes


class OperationsOfHost:
    """How operations that no kernel computes run: all on the host, unless a target has native functions for some."""

    def scratch(self, op: GraphOp) -> Sequence[MemRefType] | None:
        """The scratch memory that the native function of an operation needs; None if it has no such function."""

    def function(self, op: GraphOp, program: str, types: Sequence[MemRefType]) -> str | None:
        """The name of the native function that runs an operation of a program on memory of these types, if any does.

        It takes that memory and its scratch memory, and returns whether the host has to run the operation after all.
        """

    @property
    def made(self) -> Sequence[func.FuncOp]:
        """All functions that were asked for, and those that they call."""
        return ()


class Host:
    """Lowers one function of level `kernels`; `kernels` says how its kernels run, `memories` where its tensors are."""

    def __init__(
        self,
        function: func.FuncOp,
        kernels: LoweredKernels,
        memories: type[Memories] = Memories,
        native: OperationsOfHost | None = None,
    ) -> None:
        check_outside(function.body.block)
        self.function, self._native = function, native or OperationsOfHost()
        self.assignment = BufferAssignment(function)
        found = operations_of_class(Kernel, function)
        self.origins: dict[Operation, LocationAttr] = {op: origin_of(op) for op in found}
        self.kernels = kernels.lower([self._signature(op, i) for i, op in enumerate(found)])
        self.arguments = HostArguments(function, self.assignment, self._scratch_bytes(), memories.alignment)
        self.builder = self.arguments.builder
        self.memories = memories(self.arguments)
        self._stacks: dict[str | None, Stacks] = {}
        self.host_functions: list[func.FuncOp] = []
        """The operations that the host runs, one function for each."""

    def lower(self) -> func.FuncOp:
        """The host function; its constants are the globals of `arguments`.

        Raises DiagnosticError for a function that is not of level `kernels`, or has no memory plan.
        """
        with self.builder.entering(self.builder.block):
            self.block(self.function.body.block)
            self._return()
        host = self.memories.finish()
        host.location = self.function.location
        return host

    def _signature(self, kernel: Kernel, number: int) -> Signature:
        inputs = [self.assignment.of(v) for v in kernel.operands]
        outputs = [self.assignment.of(v) for v in kernel.results]
        program = self.function.sym_name.data
        return Signature(kernel, f"{program}_kernel_{number}", inputs, outputs, program)

    def _scratch_bytes(self) -> Mapping[str | None, int]:
        """The most that a kernel, or a loop that moves what it carries, needs for itself, by device."""
        needs: list[tuple[Operation, int]] = [
            (op, kernel.scratch_bytes) for op, kernel in self.kernels.items()
        ]
        needs += [
            (op, temporary_bytes(self.assignment, op)) for op in operations_of_class(While, self.function)
        ]
        for op in operations_within(self.function):
            if isinstance(op, GraphOp) and (scratch := _in_scratch(self._native.scratch(op))):
                needs.append((op, scratch_end([((SCRATCH[0], at), type_) for at, type_ in scratch])))
        most: dict[str | None, int] = {}
        for op, size in needs:
            device = device_of_op(op)
            most[device] = max(size, most.get(device, 0))
        return most

    def memory_of(self, op: Operation) -> HostMemory:
        """The memory as an operation sees it."""
        return self.memories.on(device_of_op(op))

    def stacks_on(self, device: str | None) -> Stacks:
        """The stacks of a device."""
        if device not in self._stacks:
            self._stacks[device] = Stacks(self.memories.on(device), self._call)
        return self._stacks[device]

    def stacks_of(self, op: Operation) -> Stacks:
        """The stacks of the device that an operation runs on."""
        return self.stacks_on(device_of_op(op))

    # ---- operations -------------------------------------------------------------------------------------

    def block(self, block: Block) -> None:
        """Lowers the operations of a block, except for its terminator."""
        for op in block.ops:
            if op is block.last_op:
                break
            with self._locating(self.origins.get(op, op.location)):
                handler_of(op)(self, op)
            for stacks in self._stacks.values():
                stacks.free_after(op)

    def _locating(self, location: LocationAttr) -> AbstractContextManager[None]:
        """While this lasts, what is inserted for its effect, or holds code, has this location; views need none."""
        place = self.builder.insertion_point

        def insert_located(op: Operation) -> None:
            if not op.results or op.regions:
                op.location = location
            place(op)

        return inserting(insert_located)

    def kernel(self, op: Kernel) -> None:
        """One call."""
        self.kernels[op].call(self.memory_of(op))

    def read(self, op: Read) -> None:
        """A copy, if the plan gave the value a buffer of its own."""
        variable = self.assignment.of_variable(op.operands[0])
        self._copy(self.memory_of(op), variable, self.assignment.of(op.results[0]), op.results[0])

    def assign(self, op: Assign) -> None:
        """A copy, unless the value was computed in place."""
        variable, value = op.operands
        memory, target = self.memory_of(op), self.assignment.of_variable(variable)
        self._copy(memory, self.assignment.of(value), target, value)

    def copy_to(self, op: CopyTo) -> None:
        """A copy from the memory of one device to that of another."""
        source, memory = device_of_value(op.operand), self.memory_of(op)
        if is_stack(op.operand):
            self.stacks_of(op).copy_from(self.stacks_on(source), op)
        else:
            memory.copy_from(self.memories.on(source).tensor(op.operand), source, memory.tensor(op.result))

    def loop(self, op: While) -> None:
        """See `while_loops`."""
        lower_while(op, self.memory_of(op), self.stacks_of(op), self.block)

    def sum(self, op: AddN) -> None:
        """Lowers a sum of stacks, or of tensors that no kernel computes with."""
        if is_stack(op.results[0]):
            self.stacks_of(op).add(op)
        else:
            self.on_host(op)

    def on_host(self, op: GraphOp) -> None:
        """One call, on the buffers of all tensors that operands and results consist of."""
        operands = [part for value in op.operands for part in self._parts(value)]
        self._call(self.memory_of(op), op, operands, op.results)

    def _call(
        self, memory: HostMemory, op: GraphOp, operands: Sequence[SSAValue], results: Sequence[SSAValue]
    ) -> None:
        """Inserts a call of a function that the host runs an operation for, on tensors or on memrefs."""

        def call(arguments: Sequence[SSAValue]) -> None:
            types = [value.type for value in arguments if isinstance(value.type, MemRefType)]
            name = f"{self.function.sym_name.data}_host_{len(self.host_functions)}"
            self.host_functions.append(host_function(name, op, types))
            function = self._native.function(op, self.function.sym_name.data, types)
            if function is None:
                insert(func.CallOp(name, arguments, []))
                return
            views = [
                memory.view((SCRATCH[0], at), type_) for at, type_ in _in_scratch(self._native.scratch(op))
            ]
            call = func.CallOp(function, [*arguments, *views], [i1])
            asked = func.CallOp(name, arguments, [])
            insert(call)
            asked.location = call.location
            self.builder.when(named(call.results[0], "asks"), lambda: insert(asked))

        memory.call(op, operands, results, call)

    def _parts(self, value: SSAValue) -> Sequence[SSAValue]:
        """The tensors that a value consists of: of slices, rows and indices."""
        if not isinstance(value.type, SlicesType):
            return [value]
        assert isinstance(value.owner, MakeSlices)
        return value.owner.operands[: len(parts_of(value.type))]

    def nothing(self, op: Operation) -> None:
        """No code: what it makes is there already."""

    def _return(self) -> None:
        last = self.function.body.block.last_op
        for number, value in enumerate(last.operands if last is not None else ()):
            if isinstance(value.type, StackType):
                raise DiagnosticError("a stack cannot leave a function", self.function)
            memory = self.memories.on(device_of_value(value))
            self._copy(memory, self.assignment.of(value), ("output", number), value)

    def _copy(self, memory: HostMemory, source: BufferKey, target: BufferKey, like: SSAValue) -> None:
        """Copies a tensor, unless it is where it should be."""
        if source != target:
            type_ = tensor_memref(like)
            memory.copy(memory.view(source, type_), memory.view(target, type_))


def _in_scratch(types: Sequence[MemRefType] | None) -> list[tuple[int, MemRefType]]:
    """Places memory of these types one behind the other."""
    placed: list[tuple[int, MemRefType]] = []
    end = 0
    for type_ in types or ():
        placed.append((end, type_))
        end += -(-bytes_of(type_) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
    return placed


def check_outside(block: Block) -> None:
    """Raises DiagnosticError at the first operation that would have to be in a kernel, or cannot be lowered at all."""
    for op in block.ops:
        if op is block.last_op:
            break
        has_place = is_stack(op.results[0]) if isinstance(op, AddN) else handler_of(op) is not Host.on_host
        if not has_place and not runs_on_host(op):
            raise DiagnosticError(
                f"'{op.name}' has no place at level `kernels` outside of kernels: run form-kernels first; what that "
                "leaves outside runs on target numpy alone",
                op,
            )
        if any(isinstance(r.type, StackType) and isinstance(r.type.data_type, StackType) for r in op.results):
            raise DiagnosticError(
                f"'{op.name}' makes a stack of stacks, as second order through nested loops does: that runs on target "
                "numpy alone",
                op,
            )
        for region in op.regions if isinstance(op, While) else ():
            check_outside(region.block)


def handler_of(op: Operation) -> Callable[[Host, Any], None]:
    """The handler that lowers an operation outside of kernels; unless it is listed, the host runs it, if it can."""
    return Host.nothing if isinstance(op, Alias) else HANDLERS.get(type(op), Host.on_host)


HANDLERS: dict[type[Operation], Callable[[Host, Any], None]] = {
    AddN: Host.sum,
    Assign: Host.assign,
    Constant: Host.nothing,
    CopyTo: Host.copy_to,
    EmptyStack: lambda host, op: host.stacks_of(op).empty(op),
    Kernel: Host.kernel,
    MakeSlices: Host.nothing,
    Pop: lambda host, op: host.stacks_of(op).pop(op),
    Push: lambda host, op: host.stacks_of(op).push(op),
    Read: Host.read,
    VariableOp: Host.nothing,
    While: Host.loop,
}
