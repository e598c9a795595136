"""The memory of a host function: its arguments, the parts of its arena, its constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import ClassVar, TypeAlias

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import ArrayAttr, DenseIntOrFPElementsAttr, MemRefType, StringAttr, i8
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.kernel.argument_roles import ARGUMENTS, VARIABLE
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.types import VariableType, element_type_of, shape_of_type
from pullback.dialects.ir.dense import dense_elements
from pullback.dialects.upstream.memref import CopyOp, GlobalOp, value_type
from pullback.passes.lowering.buffer_assignment import ARENA_ALIGNMENT, SCRATCH, BufferAssignment, BufferKey
from pullback.passes.lowering.code_builder import named, result_of
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.memrefs import tensor_memref
from pullback.passes.lowering.strided_layout import memref_type

InsertCall: TypeAlias = Callable[[Sequence[SSAValue]], None]
"""Inserts the call of a function that takes these memrefs."""


class HostMemory:
    """The host function's arguments, views of them, and what the host does with memory.

    The arguments are the inputs, the variables in the order of their first appearance, the outputs, and, if one
    is needed, the arena, which ends in scratch memory for the kernels. Host and kernels reach all of it.
    """

    alignment: ClassVar[int] = ARENA_ALIGNMENT
    """Bytes to which scratch memory is aligned in the arena."""

    def __init__(self, function: func.FuncOp, assignment: BufferAssignment, scratch_bytes: int) -> None:
        self.assignment = assignment
        self.name = function.sym_name.data
        self.globals: list[Operation] = []
        self._global_names: dict[BufferKey, str] = {}
        self.roles: list[str] = []
        self._listed: list[tuple[BufferKey, MemRefType, str | None]] = []
        self._scratch = -(-assignment.arena_bytes // self.alignment) * self.alignment
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
                self._add(f"{VARIABLE}{op.label}", ("variable", op.label), type_, op.result.name_hint)
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
        return self._shaped(self._constant(buffer) if kind == "constant" else self._arguments[buffer], type_)

    def tensor(self, value: SSAValue) -> SSAValue:
        """The buffer of a tensor in the tensor's own shape."""
        return self.view(self.assignment.of(value), tensor_memref(value))

    def finish(self) -> func.FuncOp:
        """The host function, which says what its arguments are for."""
        function = self.builder.finish()
        function.attributes[ARGUMENTS] = ArrayAttr([StringAttr(role) for role in self.roles])
        return function

    def _shaped(self, whole: SSAValue, type_: MemRefType) -> SSAValue:
        if whole.type == type_:
            return whole
        return self.builder.once((whole, type_), lambda: reshaped(whole, type_), whole.name_hint or "input")

    def _constant(self, buffer: BufferKey) -> SSAValue:
        type_ = tensor_memref(self.assignment.constants[buffer].results[0])
        return self.builder.once(
            (buffer,), lambda: memref.GetGlobalOp(self._global_of(buffer), type_), "constant"
        )

    def _global_of(self, buffer: BufferKey) -> str:
        """The name of the global with a constant, which is defined when it is first asked for."""
        if buffer not in self._global_names:
            constant = self.assignment.constants[buffer]
            name = self._global_names[buffer] = f"{self.name}_constant_{buffer[1]}"
            self.globals.append(constant_global(name, tensor_memref(constant.results[0]), constant))
        return self._global_names[buffer]

    # ---- what the host does with memory -----------------------------------------------------------------

    def copy(self, source: SSAValue, target: SSAValue) -> None:
        """Copies what one memref holds to another of the same shape."""
        insert(CopyOp.create(operands=[source, target]))

    def allocate(self, type_: MemRefType, room: SSAValue) -> SSAValue:
        """New memory for so many rows."""
        return result_of(memref.AllocOp([room], [], type_), "rows")

    def free(self, rows: SSAValue) -> None:
        """Frees what `allocate` made."""
        insert(memref.DeallocOp.create(operands=[rows]))

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


def constant_global(name: str, type_: MemRefType, constant: Constant) -> GlobalOp:
    """A constant in the module, aligned for vectors; truth values are bytes there."""
    assert isinstance(constant.value, DenseIntOrFPElementsAttr)
    value = dense_elements(constant.value.type, constant.value.data.data)
    stored = dense_elements(value_type(type_), value.data.data)
    return GlobalOp(name, type_, stored, constant=True, alignment=64)
