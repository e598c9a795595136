"""Verification of devices: each operation names one, and only copies take operands from others.

    %1 = graph.kernel %0 … {device = "cpu:0"} : …                 %0 is on cpu:0 as well, or else there is a copy
    %2 = graph.copy_to %1 {device = "cuda:0"} : tensor<4xf32>
    %3 = graph.kernel %2 … {device = "cuda:0"} : …

Most programs name no devices. What is on no device is checked in those that do.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation
from xdsl.traits import IsTerminator

from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.kernel.argument_roles import DEVICES
from pullback.dialects.graph.kernel.devices import stated_devices
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import device_of_value, is_spread
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import DEVICE, device_of_op
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within

ADVICE = "run place-devices first"


def check_placement(function: func.FuncOp) -> None:
    """Checks on which devices the operations of a function are, if they name any.

    Raises:
        DiagnosticError: an operation, or an argument, names no device or an unknown one, one in a kernel names its
            own, an operand is on another device than the operation, or a variable is on two.
    """
    if not is_spread(function):
        return
    _check_arguments(function)
    variables: dict[str, str | None] = {}
    for op in operations_within(function):
        if isinstance(op.parent_op(), Kernel):
            if DEVICE in op.attributes:
                raise DiagnosticError(
                    f"'{op.name}' in a kernel names a device: expected it at the kernel alone", op
                )
        elif op is not function:
            _check_name(op)
            _check_operands(op, function)
            if isinstance(op, VariableOp):
                _check_variable(op, variables)


def _check_arguments(function: func.FuncOp) -> None:
    """Checks that the function says of each argument on which device it is."""
    if stated_devices(function) is None:
        count = len(function.body.block.args)
        raise DiagnosticError(
            f"{DEVICES} is missing: expected the devices of {count} arguments; {ADVICE}", function
        )


def _check_name(op: Operation) -> None:
    """Checks that an operation names its device as `place-devices` writes it; one that ends a block needs none."""
    device = device_of_op(op)
    if device is None:
        if not op.has_trait(IsTerminator):
            raise DiagnosticError(f"'{op.name}' names no device, as others do: {ADVICE}", op)
    elif op.attributes[DEVICE] != StringAttr(device):
        raise DiagnosticError(f"'{op.name}' is on {op.attributes[DEVICE]}: expected '{device}'; {ADVICE}", op)


def _check_operands(op: Operation, function: func.FuncOp) -> None:
    """Checks that an operation finds its operands in the memory of its own device."""
    if isinstance(op, CopyTo | Gate) or (
        op.parent is function.body.block and op is function.body.block.last_op
    ):
        return
    device = _device_needed(op)
    for value in op.operands:
        there = device_of_value(value)
        if there != device:
            raise DiagnosticError(
                f"'{op.name}' is on {device} and '{name_of_value(value)}' on {there}: expected graph.copy_to between "
                f"them; {ADVICE}",
                op,
            )


def _check_variable(op: VariableOp, variables: dict[str, str | None]) -> None:
    """Checks that every reference to a variable has it on one device; `variables` are those seen before."""
    there, here = variables.setdefault(op.label, device_of_op(op)), device_of_op(op)
    if there != here:
        raise DiagnosticError(
            f"variable '{op.label}' is on {here}, and on {there} where it is named before: expected one device",
            op,
        )


def _device_needed(op: Operation) -> str | None:
    """The device on which an operation needs its operands: a loop that of what its regions pass on."""
    around = op.parent_op()
    if op.has_trait(IsTerminator) and around is not None:
        return device_of_op(around)
    return device_of_op(op)
