"""Writes a placement into a program: copies to where values are used, then the device of each operation.

    %y = graph.tanh %x {device = "cuda:1"}              %y = graph.tanh %x {device = "cuda:1"}
    %z = graph.exp %y {device = "cuda:0"}          ->   %c = graph.copy_to %y {device = "cuda:0"}
    %u = graph.negative %y {device = "cuda:0"}          %z = graph.exp %c {device = "cuda:0"}
                                                        %u = graph.negative %c {device = "cuda:0"}

A value is copied once to each device, before it is first used there, in the block in which it was made: so what a loop
reads is copied before the loop. A copy that the program has there already is that one. A constant is there once for
each device that uses it, and is not copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, StringAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import IsTerminator

from pullback.dialects.graph.kernel.argument_roles import DEVICES
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.location import location_of
from pullback.passes.placement.assign_devices import COPY, Placement, is_constant
from pullback.passes.placement.device_requests import operations_in
from pullback.passes.rewriting.replacement import drop


def drop_devices(function: func.FuncOp) -> None:
    """Makes a program of one device: no operation names any, and nothing is copied to where it is."""
    function.attributes.pop(DEVICES, None)
    for op in list(function.walk()):
        op.attributes.pop(DEVICE, None)
        if isinstance(op, CopyTo):
            _replace(op, [op.operands[0]])


def write_devices(function: func.FuncOp, placement: Placement) -> None:
    """Inserts the copies of a program of several devices, and states the device of each operation and argument."""
    block = function.body.block
    copies = CopiesToDevices(placement)
    for op in list(operations_in(block)):
        if isinstance(op, CopyTo):
            copies.adopt(op)
        else:
            copies.serve(op)
    for op in reversed(copies.superfluous):
        _replace(op, [op.operands[0]])
    for op in operations_in(block):
        _state(op, placement)
    devices = [StringAttr(placement.values[argument]) for argument in block.args]
    function.attributes[DEVICES] = ArrayAttr(devices)


@dataclass
class CopiesToDevices:
    """The copies of values on other devices: those that the program has, or ones made for the first use there."""

    placement: Placement
    known: dict[tuple[SSAValue, str], SSAValue] = field(default_factory=dict[tuple[SSAValue, str], SSAValue])
    superfluous: list[CopyTo] = field(default_factory=list[CopyTo])
    """Copies of the program that others take the place of."""

    def adopt(self, op: CopyTo) -> None:
        """Takes a copy that the program has for the one to its device, unless there is one, or it is in a loop."""
        value, device = _original(op.operands[0]), self.placement.ops[op]
        if (
            self.placement.values[value] == device
            or (value, device) in self.known
            or op.parent is not _block_of(value)
        ):
            self.superfluous.append(op)
        else:
            op.operands = [value]
            self.known[value, device] = op.results[0]

    def serve(self, op: Operation) -> None:
        """Gives an operation its operands on the device where it wants them."""
        served: list[SSAValue] = []
        for number, value in enumerate(op.operands):
            device = self.placement.wanted(op, number) or self.placement.values[value]
            served.append(self.on(device, _original(value), op))
        if any(new is not old for new, old in zip(served, op.operands, strict=True)):
            op.operands = served

    def on(self, device: str, value: SSAValue, user: Operation) -> SSAValue:
        """A value on a device, where `user` is the first operation that wants it there."""
        if self.placement.values[value] == device:
            return value
        known = self.known.get((value, device))
        if known is None:
            known = self.known[value, device] = self._copied(device, value, user)
        return known

    def _copied(self, device: str, value: SSAValue, user: Operation) -> SSAValue:
        maker, block = value.owner, _block_of(value)
        while user.parent is not block:
            around = user.parent_op()
            assert around is not None
            user = around
        if isinstance(maker, Operation) and is_constant(maker):
            copy = maker.clone()
        else:
            copy = CopyTo.of_value(value, device)
            copy.location = location_of(value)
            if value.name_hint is not None:
                copy.results[0].name_hint = f"{value.name_hint}_on_{device.replace(':', '')}"
        block.insert_op_before(copy, user)
        self.placement.ops[copy], self.placement.reasons[copy] = device, COPY
        self.placement.values[copy.results[0]] = device
        return copy.results[0]


def _block_of(value: SSAValue) -> Block:
    block = value.owner.parent if isinstance(value.owner, Operation) else value.owner
    assert block is not None
    return block


def _original(value: SSAValue) -> SSAValue:
    """The value of which this one is a copy, or a copy of a copy."""
    while isinstance(value.owner, CopyTo):
        value = value.owner.operands[0]
    return value


def _state(op: Operation, placement: Placement) -> None:
    """Writes the device of an operation. A terminator has none of its own, nor has what a kernel computes."""
    if isinstance(op, Kernel):
        for inner in op.walk():
            inner.attributes.pop(DEVICE, None)
    if op.has_trait(IsTerminator):
        op.attributes.pop(DEVICE, None)
    else:
        op.attributes[DEVICE] = StringAttr(placement.ops[op])


def _replace(op: Operation, values: Sequence[SSAValue]) -> None:
    for old, new in zip(op.results, values, strict=True):
        old.replace_all_uses_with(new)
    drop(op)
