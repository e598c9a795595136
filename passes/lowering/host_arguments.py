"""The arguments of a host function, and the globals with its constants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DenseIntOrFPElementsAttr, MemRefType, StringAttr, i8
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.kernel.argument_roles import ARGUMENTS, VARIABLE
from pullback.dialects.graph.kernel.op_devices import device_of_value
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.types import VariableType, element_type_of, shape_of_type
from pullback.dialects.ir.dense import dense_elements
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.upstream.memref import GlobalOp, value_type
from pullback.passes.lowering.buffer_assignment import BufferAssignment, BufferKey, arena_on
from pullback.passes.lowering.code_builder import named
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.memrefs import tensor_memref
from pullback.passes.lowering.strided_layout import memref_of, memref_type


class HostArgument(NamedTuple):
    """An argument of a host function before it is made."""

    role: str
    buffer: BufferKey
    type: MemRefType
    device: str | None
    hint: str | None


class HostArguments:
    """The arguments of a host function, and the globals that it reads.

    The arguments are the inputs, the variables in the order of their first appearance, the outputs, and on each device
    that needs one an arena, which ends in scratch memory for the kernels there.

    Args:
        function: of level `kernels`.
        assignment: its buffers.
        scratch_bytes: the scratch memory that is needed, by device.
        alignment: bytes to which it is aligned.
    """

    def __init__(
        self,
        function: func.FuncOp,
        assignment: BufferAssignment,
        scratch_bytes: Mapping[str | None, int],
        alignment: int,
    ) -> None:
        self.assignment = assignment
        self.name = function.sym_name.data
        self.globals: list[Operation] = []
        self._global_names: dict[BufferKey, str] = {}
        self.scratch = {
            device: -(-size // alignment) * alignment for device, size in assignment.arenas.items()
        }
        """Where scratch memory begins in each arena."""
        arenas = {
            device: self.scratch.get(device, 0) + scratch_bytes.get(device, 0)
            for device in sorted({*assignment.arenas, *scratch_bytes}, key=str)
        }
        listed = [*_given(function), *_results(function), *_arenas(arenas)]
        self.roles = [argument.role for argument in listed]
        self.devices = [argument.device for argument in listed]
        """The device of each argument; None in a program that names none."""
        self.builder = FunctionBuilder(self.name, [argument.type for argument in listed], private=False)
        self._values = {
            argument.buffer: value if argument.hint is None else named(value, argument.hint)
            for value, argument in zip(self.builder.block.args, listed, strict=True)
        }

    def of(self, buffer: BufferKey) -> SSAValue:
        """The argument that is a buffer; an arena is that which begins at 0."""
        return self._values[buffer]

    def add(self, role: str, type_: MemRefType, device: str | None, hint: str) -> SSAValue:
        """One more argument, after those there are."""
        self.roles.append(role)
        self.devices.append(device)
        return named(self.builder.add_argument(type_), hint)

    def finish(self) -> func.FuncOp:
        """The host function, which says what its arguments are for."""
        function = self.builder.finish()
        function.attributes[ARGUMENTS] = ArrayAttr([StringAttr(role) for role in self.roles])
        return function

    def global_of(self, buffer: BufferKey) -> str:
        """The name of the global with a constant, which is defined when it is first asked for."""
        if buffer not in self._global_names:
            constant = self.assignment.constants[buffer]
            name = self._global_names[buffer] = f"{self.name}_constant_{buffer[1]}"
            self.globals.append(constant_global(name, tensor_memref(constant.results[0]), constant))
        return self._global_names[buffer]


def _given(function: func.FuncOp) -> Iterator[HostArgument]:
    """The inputs and the variables."""
    for number, argument in enumerate(function.body.block.args):
        device = device_of_value(argument)
        yield HostArgument("input", ("input", number), tensor_memref(argument), device, argument.name_hint)
    seen: set[str] = set()
    for op in operations_within(function):
        if isinstance(op, VariableOp) and op.label not in seen:
            seen.add(op.label)
            assert isinstance(op.result.type, VariableType)
            data = op.result.type.data_type
            type_ = memref_type(shape_of_type(data), element_type_of(data))
            role, hint = f"{VARIABLE}{op.label}", op.result.name_hint
            yield HostArgument(role, ("variable", op.label), type_, device_of_op(op), hint)


def _results(function: func.FuncOp) -> Iterator[HostArgument]:
    last = function.body.block.last_op
    for number, value in enumerate(last.operands if last is not None else ()):
        device, hint = device_of_value(value), f"output{number}"
        yield HostArgument("output", ("output", number), tensor_memref(value), device, hint)


def _arenas(sizes: Mapping[str | None, int]) -> Iterator[HostArgument]:
    for device, size in sizes.items():
        if size:
            hint = "arena" if device is None else f"arena_{device.replace(':', '')}"
            yield HostArgument("arena", (arena_on(device), 0), memref_of(i8, size), device, hint)


def constant_global(name: str, type_: MemRefType, constant: Constant) -> GlobalOp:
    """A constant in the module, aligned for vectors; truth values are bytes there."""
    assert isinstance(constant.value, DenseIntOrFPElementsAttr)
    value = dense_elements(constant.value.type, constant.value.data.data)
    stored = dense_elements(value_type(type_), value.data.data)
    return GlobalOp(name, type_, stored, constant=True, alignment=64)
