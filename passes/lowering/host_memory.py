"""The memory of a host function: its arguments, the parts of its arena, its constants."""

from __future__ import annotations

from math import prod

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, MemRefType, i8
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import VariableType, element_type_of, shape_of_type
from pullback.dialects.ir.dense import dense_elements
from pullback.dialects.upstream.memref import GlobalOp, value_type
from pullback.passes.lowering.buffer_assignment import ARENA_ALIGNMENT, SCRATCH, BufferAssignment, BufferKey
from pullback.passes.lowering.code_builder import named
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.memrefs import tensor_memref
from pullback.passes.lowering.strided_layout import memref_type


class HostMemory:
    """The host function's arguments, and views of them.

    The arguments are the inputs, the variables in the order of their first appearance, the outputs, and, if one
    is needed, the arena, which ends in scratch memory for the kernels.
    """

    def __init__(self, function: func.FuncOp, assignment: BufferAssignment, scratch_bytes: int) -> None:
        self.assignment = assignment
        self.name = function.sym_name.data
        self.globals: list[Operation] = []
        self.roles: list[str] = []
        self._listed: list[tuple[BufferKey, MemRefType, str | None]] = []
        self._scratch = -(-assignment.arena_bytes // ARENA_ALIGNMENT) * ARENA_ALIGNMENT
        self._list(function, self._scratch + scratch_bytes)
        self.builder = FunctionBuilder(self.name, [type_ for _, type_, _ in self._listed], private=False)
        self._arguments: dict[BufferKey, SSAValue] = {}
        for argument, (buffer, _, hint) in zip(self.builder.block.args, self._listed, strict=True):
            self._arguments[buffer] = argument if hint is None else named(argument, hint)

    def _list(self, function: func.FuncOp, arena_bytes: int) -> None:
        for i, argument in enumerate(function.body.block.args):
            self._add("input", ("input", i), tensor_memref(argument), argument.name_hint)
        seen: set[str] = set()
        for op in function.walk():
            if isinstance(op, VariableOp) and op.label not in seen:
                seen.add(op.label)
                assert isinstance(op.result.type, VariableType)
                data = op.result.type.data_type
                type_ = memref_type(shape_of_type(data), element_type_of(data))
                self._add(f"variable:{op.label}", ("variable", op.label), type_, op.result.name_hint)
        last = function.body.block.last_op
        for i, value in enumerate(last.operands if last is not None else ()):
            self._add("output", ("output", i), tensor_memref(value), f"output{i}")
        if arena_bytes:
            self._add("arena", ("arena", 0), MemRefType(i8, [arena_bytes]), "arena")

    def _add(self, role: str, buffer: BufferKey, type_: MemRefType, hint: str | None) -> None:
        self.roles.append(role)
        self._listed.append((buffer, type_, hint))

    def view(self, buffer: BufferKey, type_: MemRefType) -> SSAValue:
        """A buffer as a memref of this type; it is made once, where the function begins."""
        kind, where = buffer
        if kind == "scratch":
            kind, where = "arena", self._scratch + int(where)
        if kind == "arena":
            arena, shift = self._arguments["arena", 0], self.builder.index(int(where))
            return self.builder.once(
                (buffer, type_),
                lambda: memref.ViewOp.create(operands=[arena, shift], result_types=[type_]),
                "scratch" if buffer[0] == SCRATCH[0] else "buffer",
            )
        whole = self._constant(buffer) if kind == "constant" else self._arguments[buffer]
        if whole.type == type_:
            return whole
        return self.builder.once((buffer, type_), lambda: reshaped(whole, type_), whole.name_hint or "input")

    def tensor(self, value: SSAValue) -> SSAValue:
        """The buffer of a tensor in the tensor's own shape."""
        return self.view(self.assignment.of(value), tensor_memref(value))

    def _constant(self, buffer: BufferKey) -> SSAValue:
        constant = self.assignment.constants[buffer]
        type_ = tensor_memref(constant.results[0])
        name = f"{self.name}_constant_{buffer[1]}"

        def get() -> Operation:
            self.globals.append(constant_global(name, type_, constant))
            return memref.GetGlobalOp(name, type_)

        return self.builder.once((buffer,), get, "constant")


def reshaped(source: SSAValue, type_: MemRefType) -> Operation:
    """The same memory under another shape."""
    shape = type_.get_shape()
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return memref.ReinterpretCastOp(source, [], [], [], [0], list(shape), strides, type_)


def constant_global(name: str, type_: MemRefType, constant: Constant) -> GlobalOp:
    """A constant in the module, aligned for vectors; truth values are bytes there."""
    assert isinstance(constant.value, DenseIntOrFPElementsAttr)
    value = dense_elements(constant.value.type, constant.value.data.data)
    stored = dense_elements(value_type(type_), value.data.data)
    return GlobalOp(name, type_, stored, constant=True, alignment=64)
