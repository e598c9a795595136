"""Buffer assignment: the buffer of each value of a function of level `kernels`, as the memory plan says."""

from __future__ import annotations

from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.kernel.arenas import arenas_of
from pullback.dialects.graph.kernel.buffer import BufferAttr, MemorySpace
from pullback.dialects.graph.op.indexed import Alias
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.variables import label_of
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within

BufferKey: TypeAlias = tuple[str, int | str]
"""A buffer: `("arena", offset in bytes)`, `("input", number)`, `("output", number)`, `("variable", name)`,
`("constant", number)`, `("scratch", offset in bytes)`. In programs over several devices each has an arena of its own,
and so there is `("arena:cuda:1", offset in bytes)`."""
ARENA_ALIGNMENT = 64
ARENA_KIND = "arena"
SCRATCH: BufferKey = ("scratch", 0)
"""Memory that a kernel needs for itself, and that means nothing before and after it."""


def arena_on(device: str | None) -> str:
    """The kind of the buffers in the arena of a device."""
    return ARENA_KIND if device is None else f"{ARENA_KIND}:{device}"


class BufferAssignment:
    """The buffers of a function's values. Values that are the same bytes have equal ones."""

    def __init__(self, function: func.FuncOp) -> None:
        self.function = function
        self.arenas = arenas_of(function)
        """The bytes of each arena, by device; None stands for that of a program that names none."""
        self.constants: dict[BufferKey, Constant] = {}
        for op in operations_within(function):
            if isinstance(op, Constant):
                self.constants["constant", len(self.constants)] = op
        self._known: dict[SSAValue, BufferKey] = {
            op.results[0]: buffer for buffer, op in self.constants.items()
        }

    def of(self, value: SSAValue) -> BufferKey:
        """The buffer of a tensor. Raises DiagnosticError where the plan names none."""
        if value not in self._known:
            self._known[value] = self._find(value)
        return self._known[value]

    def of_variable(self, reference: SSAValue) -> BufferKey:
        """The buffer of a variable's contents."""
        return "variable", label_of(reference)

    def _find(self, value: SSAValue) -> BufferKey:
        if isinstance(value, BlockArgument):
            around = value.owner.parent_op()
            if isinstance(around, While):
                return self.of(around.results[value.index])
            return "input", value.index
        op = value.owner
        assert isinstance(op, Operation)
        if isinstance(op, Alias):
            return self.of(op.operands[op.results.index(value)])
        memory = op.attributes.get("memory")
        if not isinstance(memory, ArrayAttr):
            raise DiagnosticError(f"'{op.name}' has no buffer for its result: run plan-memory first", op)
        buffer = memory.data[op.results.index(value)]
        assert isinstance(buffer, BufferAttr)
        kind, where = buffer.place
        return (arena_on(device_of_op(op)) if buffer.kind is MemorySpace.ARENA else kind), where
