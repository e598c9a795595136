"""Colocation: the devices of the operations that gradients are to be beside, before the program is placed."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Block, Operation

from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.placement.assign_devices import assign_devices
from pullback.passes.placement.device_requests import DeviceRequests, operations_in


class Colocation:
    """The device of each forward operation: the one that it asks for, else where it will be placed as things stand.

    A program that names no devices has none.
    """

    def __init__(self) -> None:
        self._placed: dict[Operation, str] | None = None

    def device_of(self, op: Operation) -> Attribute | None:
        """The device of an operation, as the attribute of those that are to be beside it."""
        told = op.attributes.get(DEVICE)
        if told is not None:
            return told
        if self._placed is None:
            self._placed = _placed(_outermost(op))
        device = self._placed.get(op)
        return None if device is None else StringAttr(device)


def _outermost(op: Operation) -> Block | None:
    """The block of the function, or of the graph under construction, that an operation is in."""
    block = op.parent
    while block is not None and (around := block.parent_op()) is not None and around.parent is not None:
        if around.name == "func.func":
            break
        block = around.parent
    return block


def _placed(block: Block | None) -> dict[Operation, str]:
    if block is None or not any(DEVICE in op.attributes for op in operations_in(block)):
        return {}
    try:
        return assign_devices(block, DeviceRequests(block)).ops
    except DiagnosticError:  # a name of no device, or two for one variable: `place-devices` says so
        return {}
