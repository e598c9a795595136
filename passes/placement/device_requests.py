"""Requests: the devices that the operations of a program ask for, and those of its variables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.kernel.argument_roles import DEVICES, strings
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import CUDA, HOST, device_of_op, parse_device
from pullback.dialects.graph.tensor.types import VariableType
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.positions import noted_in

VariableKey: TypeAlias = str | SSAValue
"""A variable: its name, or a reference that comes into the function from outside."""


def operations_in(block: Block) -> Iterator[Operation]:
    """Goes through the operations of a block and of its loops, in program order; a kernel is one operation."""
    for op in block.ops:
        yield op
        for region in op.regions if isinstance(op, While) else ():
            yield from operations_in(region.block)


def variable_of(op: Operation) -> VariableKey | None:
    """Finds the variable that an operation names, reads or updates."""
    if isinstance(op, VariableOp):
        return op.label
    for value in op.operands:
        if isinstance(value.type, VariableType):
            return value.owner.label if isinstance(value.owner, VariableOp) else value
    return None


@dataclass(frozen=True)
class Devices:
    """The devices that are there, and what happens where another one is asked for."""

    names: Collection[str] = ()
    """Beside the host; all that are asked for, where this is empty."""
    soft: bool = False
    """Whether the default device takes the place of one that is not there, which is an error otherwise."""

    def have(self, device: str) -> bool:
        """Tells whether a device is there."""
        return not self.names or device in (HOST, *self.names)

    def __str__(self) -> str:
        return ", ".join(dict.fromkeys([HOST, *self.names]))


@dataclass
class DeviceRequests:
    """What the operations of a block and of its loops ask for, each device being there.

    Raises:
        DiagnosticError: a name is that of no device, a device is not there, or one variable is asked for on two.
    """

    block: Block
    there: Devices = Devices()
    missing: dict[str, Operation] = field(default_factory=dict[str, Operation])
    """The devices that are not there, each with the first operation that asks for it."""
    _of: dict[Operation, str] = field(default_factory=dict[Operation, str])
    _variables: dict[VariableKey, tuple[str, Operation]] = field(
        default_factory=dict[VariableKey, tuple[str, Operation]]
    )

    def __post_init__(self) -> None:
        for op in operations_in(self.block):
            if (named := device_of_op(op)) is not None:
                device = self._of[op] = self.resolved(named, op)
                if (variable := variable_of(op)) is not None:
                    self._note_variable(variable, device, op)

    def of(self, op: Operation) -> str | None:
        """The device that an operation, or else one of the same variable, asks for."""
        variable = variable_of(op)
        return self._of.get(op) if variable is None else self._variables.get(variable, (None,))[0]

    def asks(self, op: Operation) -> bool:
        """Tells whether an operation asks for a device itself."""
        return op in self._of

    def resolved(self, device: str, op: Operation) -> str:
        """The device itself, or the one that takes its place."""
        if self.there.have(device):
            return device
        if not self.there.soft:
            raise DiagnosticError(
                f"'{op.name}' is to run on {device}, which is not there: there are {self.there}; with "
                f"place-devices{{soft}} it runs on {CUDA} instead",
                op,
            )
        self.missing.setdefault(device, op)
        return CUDA

    def _note_variable(self, variable: VariableKey, device: str, op: Operation) -> None:
        known, first = self._variables.setdefault(variable, (device, op))
        if known == device:
            return
        name = f"variable '{variable}'" if isinstance(variable, str) else "a variable"
        raise DiagnosticError(
            f"'{op.name}' asks for {name} on {device}, and '{first.name}'{_place(first)} for it on {known}: a "
            "variable, its reads and its updates are on one device",
            op,
        )


def stated_for_arguments(function: func.FuncOp) -> Sequence[str] | None:
    """The devices that a function states for its arguments, normalised; None where it states none.

    Raises:
        DiagnosticError: there is not the name of a device for each argument.
    """
    if DEVICES not in function.attributes:
        return None
    stated, arguments = strings(function, DEVICES) or (), function.body.block.args
    if len(stated) != len(arguments):
        raise DiagnosticError(
            f"{DEVICES} names {len(stated)} devices for {len(arguments)} arguments: expected one for each",
            function,
        )
    try:
        return [parse_device(name) for name in stated]
    except ValueError as error:
        raise DiagnosticError(f"{DEVICES}: {error}", function) from None


def _place(op: Operation) -> str:
    note = noted_in(op.location)
    return f" ({note.place()})" if note is not None else ""
