"""The check of devices at level `gpu`: kernels take memory of one GPU, the host its own, and copies go between them.

    %host = memref.view %host_arena[%c0][] : memref<64xi8> to memref<4xf32>
    gpu.launch_func @kernels::@double … args(%host : memref<4xf32>)     // an error: %host_arena is the host's

A memref type does not say where its memory is, so that a slip shows on a GPU alone, as a fault of the whole process.
Here each memref is led back to what made its memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func, scf
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.argument_roles import CONSTANT, argument_roles
from pullback.dialects.graph.kernel.devices import (
    VIEWS,
    allocation_device,
    argument_devices,
    device_of,
    is_gpu,
)
from pullback.dialects.graph.tensor.device import CUDA, HOST
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.upstream.gpu import LaunchFuncOp
from pullback.dialects.upstream.memref import GlobalOp

ANYWHERE = VIEWS | {"memref.dim", "gpu.memcpy"}
"""Operations that take memory of any device."""
ON_GPU = ("gpu.launch_func", "gpu.memset", "gpu.dealloc")
"""Operations that take memory of a GPU. All others reach memory themselves, on the host."""
CARRYING = (scf.WhileOp, scf.ForOp, scf.IfOp, scf.YieldOp, scf.ConditionOp)
"""Operations that pass memory on: it stays where it is."""


def check_devices(module: ModuleOp) -> None:
    """Checks that each operation of the host functions takes memory that it can reach.

    Raises:
        DiagnosticError: an op takes memory of another device, or memory of which nothing says where it is; a loop or a
            branch passes on memory of several devices; a function says of its arguments what cannot be.
    """
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    for function in functions.values():
        if function.body.blocks:
            _check_constants(module, function)
            _Check(function, functions).run()


class _Check:
    """The check of one host function."""

    def __init__(self, function: func.FuncOp, functions: dict[str, func.FuncOp]) -> None:
        self.function, self.functions = function, functions
        self.arguments = argument_devices(function)

    def run(self) -> None:
        for op in self.function.walk():
            if isinstance(op, CARRYING):
                self._passed_on(op)
            elif isinstance(op, func.CallOp):
                self._call(op)
            elif op.name in ON_GPU:
                self._on_a_gpu(op)
            elif op.name in ANYWHERE:
                for number, value in enumerate(op.operands):
                    self._device(op, number, value)
            else:
                self._taken(op, [HOST] * len(op.operands))
            if op.name == "gpu.alloc":
                allocation_device(op)

    def _taken(self, op: Operation, expected: Sequence[str]) -> None:
        """Checks that operands are on these devices."""
        for number, (value, device) in enumerate(zip(op.operands, expected, strict=True)):
            found = self._device(op, number, value)
            if found not in (None, device):
                raise DiagnosticError(_explained(op, number, value, found or ""), op)

    def _on_a_gpu(self, op: Operation) -> None:
        """Checks that all operands that are memory are on one GPU, which is where it runs."""
        first: tuple[str, str] | None = None
        for number, value in enumerate(op.operands):
            device = self._device(op, number, value)
            if device is None:
                continue
            if not is_gpu(device):
                raise DiagnosticError(_explained(op, number, value, device), op)
            name = _name(number, value)
            if first is not None and first[1] != device:
                raise DiagnosticError(
                    f"'{op.name}' takes {first[0]}, which is memory of {first[1]}, and {name}, which is memory of "
                    f"{device}: {_who(op)} runs on one device; copy one of them with gpu.memcpy first",
                    op,
                )
            first = first or (name, device)

    def _device(self, op: Operation, number: int, value: SSAValue) -> str | None:
        """The device of an operand; None if it is no memory."""
        if not isinstance(value.type, MemRefType):
            return None
        device = device_of(value, self.arguments)
        if device is None:
            raise DiagnosticError(
                f"nothing says on which device operand {number} of '{op.name}' is: expected a view of an argument, or "
                "of what gpu.alloc, memref.alloc or memref.get_global gives",
                op,
            )
        return device

    def _call(self, op: func.CallOp) -> None:
        callee = self.functions.get(op.callee.string_value())
        has_body = callee is not None and bool(callee.body.blocks)
        expected = argument_devices(callee) if callee is not None and has_body else [HOST] * len(op.operands)
        self._taken(op, expected)

    def _passed_on(self, op: Operation) -> None:
        """Checks that what a loop carries, or a branch gives, is on one device, whichever way it takes."""
        for values in _alternatives(op):
            devices = {self._device(op, 0, value) for value in values}
            if len(devices) > 1:
                named = " and of ".join(sorted(str(device) for device in devices))
                raise DiagnosticError(
                    f"'{op.name}' passes on memory of {named} as one value: expected one device", op
                )


def _alternatives(op: Operation) -> Sequence[Sequence[SSAValue]]:
    """The values that become one: each initial value with what a trip yields for it, and those of two branches."""
    match op:
        case scf.WhileOp():
            ends = [op.arguments, _passed(op.after_region.block.last_op)]
        case scf.ForOp():
            ends = [op.iter_args, _passed(op.body.block.last_op)]
        case scf.IfOp() if op.results:
            ends = [_passed(op.true_region.block.last_op), _passed(op.false_region.block.last_op)]
        case _:
            ends = []
    return list(zip(*ends, strict=False))


def _passed(terminator: Operation | None) -> Sequence[SSAValue]:
    return [] if terminator is None else list(terminator.operands)


def _explained(op: Operation, number: int, value: SSAValue, found: str) -> str:
    what = f"'{op.name}' takes {_name(number, value)}, which is memory of {found}"
    match op.name:
        case "gpu.dealloc":
            return f"{what}: free it with memref.dealloc"
        case "memref.dealloc":
            return f"{what}: free it with gpu.dealloc"
        case "gpu.memset":
            return f"{what}: expected memory of a GPU, such as {CUDA}"
        case _:
            return f"{what}, where {_who(op)} cannot reach it: copy it with gpu.memcpy first"


def _name(number: int, value: SSAValue) -> str:
    return f"%{value.name_hint}" if value.name_hint else f"operand {number}"


def _who(op: Operation) -> str:
    return f"kernel {op.kernel}" if isinstance(op, LaunchFuncOp) else "the host"


def _check_constants(module: ModuleOp, function: func.FuncOp) -> None:
    """Checks that an argument that is to hold what a global does has its type."""
    globals_ = {op.sym_name.data: op.type for op in module.ops if isinstance(op, GlobalOp)}
    for argument, role in zip(function.body.block.args, argument_roles(function), strict=False):
        symbol = role.removeprefix(CONSTANT)
        if role.startswith(CONSTANT) and globals_.get(symbol) != argument.type:
            raise DiagnosticError(
                f"argument {argument.index} is '{role}': expected a memref.global @{symbol} of type {argument.type} in "
                "the module",
                function,
            )
