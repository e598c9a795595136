"""Verification of memory plans, which may have been edited by hand."""

from __future__ import annotations

from math import prod

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.kernel.arenas import ARENA, ARENAS, MEMORY, arenas_of
from pullback.dialects.graph.kernel.buffer import BufferAttr, MemorySpace
from pullback.dialects.graph.kernel.op_devices import device_of_value
from pullback.dialects.graph.state.variables import Assign, VariableOp
from pullback.dialects.graph.tensor.types import data_type_of, element_type_of, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.kernels.check.check_overlaps import check_overlaps
from pullback.passes.kernels.memory.arena import ALIGNMENT
from pullback.passes.kernels.memory.lifetimes import Lifetimes, makes_values
from pullback.passes.kernels.memory.updates import Finding, place_variables


class PlanError(DiagnosticError):
    """A memory plan that does not fit its function."""

    def __init__(self, message: str, op: Operation) -> None:
        super().__init__(f"memory: {message}", op)


def check_memory(function: func.FuncOp) -> None:
    """Checks that every value has a buffer of its own while it is live.

    Raises:
        DiagnosticError: a place is missing, is not there, is of another type than the value, may not be written
            yet, or is that of another value which is still needed.
    """
    Checker(function).check()


class Checker:
    """The buffers of one function, and the checks of each."""

    def __init__(self, function: func.FuncOp) -> None:
        self.function = function
        self.lives = Lifetimes(function.body.block)
        last = function.body.block.last_op
        self.returned = list(last.operands) if last is not None else []
        self.variables = {
            op.label: op.results[0] for op in operations_within(function) if isinstance(op, VariableOp)
        }
        self.arenas = arenas_of(function)
        self.buffers: dict[SSAValue, BufferAttr] = {}

    def check(self) -> None:
        """See `check_memory`."""
        for op in self.lives.ops:
            self._check_list(op)
        findings = place_variables(self.lives)
        for value, buffer in self.buffers.items():
            if buffer.kind is MemorySpace.VARIABLE:
                self._check_proved(value, buffer, findings)
            elif buffer.kind is MemorySpace.OUTPUT:
                self._check_returned(value, buffer)
        check_overlaps(self.lives, self.buffers)

    # ---- one value --------------------------------------------------------------------------------------

    def _check_list(self, op: Operation) -> None:
        listed = op.attributes.get(MEMORY)
        if not makes_values(op):
            if listed is not None:
                raise PlanError(f"'{op.name}' makes no value of its own; remove its list", op)
            return
        if listed is None and op.results:
            raise PlanError(f"'{op.name}' has no buffer for its result: run plan-memory", op)
        buffers = listed.data if isinstance(listed, ArrayAttr) else ()
        if len(buffers) != len(op.results) or not all(isinstance(b, BufferAttr) for b in buffers):
            raise PlanError(
                f"'{op.name}' has {len(op.results)} results and the list {listed}; expected a #graph.buffer for "
                "each result",
                op,
            )
        for value, buffer in zip(op.results, buffers, strict=True):
            assert isinstance(buffer, BufferAttr)
            self._check_place(op, value, buffer)
            self.buffers[value] = buffer

    def _check_place(self, op: Operation, value: SSAValue, buffer: BufferAttr) -> None:
        is_tensor = isinstance(value.type, TensorType)
        if is_tensor == (buffer.kind is MemorySpace.NONE):
            expected = "a place in memory" if is_tensor else "#graph.buffer<none>, for it is no tensor"
            raise self._wrong(op, value, buffer, f"expected {expected}")
        _, where = buffer.place
        match buffer.kind:
            case MemorySpace.INPUT:
                raise self._wrong(op, value, buffer, "inputs are only read; expected the arena or an output")
            case MemorySpace.OUTPUT:
                assert isinstance(where, int)
                if where >= len(self.returned):
                    count = len(self.returned)
                    raise self._wrong(op, value, buffer, f"the function has {count} outputs, counted from 0")
                self._check_type(op, value, buffer, self.returned[where].type)
                self._check_device(op, value, buffer, self.returned[where])
            case MemorySpace.VARIABLE:
                if where not in self.variables:
                    known = ", ".join(f'"{label}"' for label in self.variables) or "none"
                    raise self._wrong(op, value, buffer, f"expected a variable of the function: {known}")
                variable = self.variables[str(where)]
                self._check_type(op, value, buffer, data_type_of(variable.type))
                self._check_device(op, value, buffer, variable)
            case MemorySpace.ARENA:
                assert isinstance(where, int)
                self._check_range(op, value, buffer, where)
            case MemorySpace.NONE:
                pass

    def _check_type(self, op: Operation, value: SSAValue, buffer: BufferAttr, type_: Attribute) -> None:
        same_elements = element_type_of(value.type) == element_type_of(type_)
        if not same_elements or prod(shape_of_type(value.type)) != prod(shape_of_type(type_)):
            raise self._wrong(op, value, buffer, f"that holds {type_}, and the value is {value.type}")

    def _check_device(self, op: Operation, value: SSAValue, buffer: BufferAttr, owner: SSAValue) -> None:
        """Checks that a value is on the device of the output or the variable whose memory it takes."""
        there, here = device_of_value(owner), device_of_value(value)
        if there != here:
            raise self._wrong(op, value, buffer, f"that is on {there}, and the value on {here}")

    def _check_range(self, op: Operation, value: SSAValue, buffer: BufferAttr, offset: int) -> None:
        storage = self.lives.of(value)
        assert storage is not None
        size, stated = self.arenas.get(storage.device), ARENA
        if storage.device is not None:
            stated = f'"{storage.device}" in {ARENAS}'
        if size is None:
            raise self._wrong(op, value, buffer, f"expected {stated} = <bytes> : i64 on the function")
        if offset % ALIGNMENT:
            raise self._wrong(op, value, buffer, f"expected a multiple of {ALIGNMENT}")
        if offset + storage.size > size:
            raise self._wrong(
                op,
                value,
                buffer,
                f"its {storage.size} bytes end beyond the arena of {size}; expected a lower offset or a larger "
                f"{stated}",
            )

    # ---- among others -----------------------------------------------------------------------------------

    def _check_proved(self, value: SSAValue, buffer: BufferAttr, findings: list[Finding]) -> None:
        """Checks that a variable's own memory is used only where that is unobservable, as `plan-memory` proves it."""
        storage, op = self.lives.of(value), value.owner
        assert storage is not None
        assert isinstance(op, Operation)
        if storage.buffer == buffer:
            return
        why = next(
            (
                f.why
                for f in findings
                if f.op is op or (isinstance(f.op, Assign) and self.lives.of(f.op.operands[1]) is storage)
            ),
            "it is not what the variable is given",
        )
        raise self._wrong(op, value, buffer, f"that needs a copy ({why}); expected the arena or an output")

    def _check_returned(self, value: SSAValue, buffer: BufferAttr) -> None:
        """Checks that a returned value is in its own output, not in that of another result."""
        storage, (_, number) = self.lives.of(value), buffer.place
        places = [n for n, v in enumerate(self.returned) if self.lives.of(v) is storage]
        if places and number not in places:
            assert isinstance(value.owner, Operation)
            raise self._wrong(value.owner, value, buffer, f"the value is returned as result {places[0]}")

    def _wrong(self, op: Operation, value: SSAValue, buffer: BufferAttr, message: str) -> PlanError:
        number = list(op.results).index(value)  # pyright: ignore[reportArgumentType] a result of it
        return PlanError(f"result {number} of '{op.name}' lies in {buffer}: {message}", op)
