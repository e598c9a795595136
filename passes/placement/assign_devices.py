"""Decides on which device each operation of a program runs.

In this order: where it was told; where its variable is; where its largest operand is; where its first user is, for
constants and for what is computed of them alone; on the default device.

    %w = graph.variable {variable = "w", device = "cuda:1"}     told
    %r = graph.read %w                                          cuda:1: the variable
    %c = graph.fill {value = 2.0}                               cuda:1: the first user
    %y = graph.multiply %r, %c                                  cuda:1: the largest operand
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType
from xdsl.ir import Attribute, Block, Operation, SSAValue, Use
from xdsl.traits import Pure

from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.state.control_flow import While, captured_values
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.device import CUDA
from pullback.dialects.graph.tensor.types import (
    SlicesType,
    StackType,
    element_type_of,
    numpy_dtype,
    shape_of_type,
)
from pullback.passes.placement.device_requests import DeviceRequests, operations_in, variable_of

TOLD, VARIABLE, OPERAND, USER, LOOP, COPY, DEFAULT = (
    "told",
    "its variable",
    "largest operand",
    "first user",
    "its loop",
    "copy",
    "default",
)
"""Reasons for a device."""


@dataclass
class Placement:
    """The device of each operation and value of a block and of its loops."""

    ops: dict[Operation, str] = field(default_factory=dict[Operation, str])
    values: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    reasons: dict[Operation, str] = field(default_factory=dict[Operation, str])

    def wanted(self, op: Operation, number: int) -> str | None:
        """The device on which an operation takes an operand; None where any will do."""
        if isinstance(op, func.ReturnOp):
            return None
        return self.values[op.results[number]] if isinstance(op, Gate) else self.ops[op]


def assign_devices(
    block: Block, requests: DeviceRequests, arguments: Sequence[str] | None = None
) -> Placement:
    """Decides on the device of each operation and value of a block and of its loops.

    Args:
        block: of a function.
        requests: what its operations ask for.
        arguments: the devices of the block's arguments, where something states them.
    """
    walk = _Assignment(block, requests)
    for number, argument in enumerate(block.args):
        stated = arguments[number] if arguments is not None else walk.asked_first(argument)
        walk.placement.values[argument] = stated or CUDA
    walk.visit_block(block)
    walk.place_floating()
    walk.move_constants()
    return walk.placement


class _Assignment:
    """A walk forward, by operands; then one backward, by users, over what has no operand that is anywhere."""

    def __init__(self, block: Block, requests: DeviceRequests) -> None:
        self.requests = requests
        self.order = {op: number for number, op in enumerate(operations_in(block))}
        self.placement = Placement()
        self.floating: list[Operation] = []

    def asked_first(self, argument: SSAValue) -> str | None:
        """The device that the first user of an argument asks for."""
        use = self._first_use([argument])
        return None if use is None else self.requests.of(use.operation)

    def visit_block(self, block: Block, loop: str | None = None) -> None:
        for op in block.ops:
            if loop is not None and op is block.last_op:
                self._put(op, loop, LOOP)
            elif isinstance(op, Gate):
                self._visit_gate(op)
            elif not isinstance(op, func.ReturnOp):
                device, reason = self._device(op)
                if device is None:
                    self.floating.append(op)
                else:
                    self._put(op, device, reason)

    def _visit_gate(self, gate: Gate) -> None:
        """Leaves what passes a gate where it is."""
        here = [self.placement.values.get(value) for value in gate.operands]
        device = next(filter(None, here), None) or self.requests.of(gate) or CUDA
        self._put(gate, device, OPERAND)
        for result, at in zip(gate.results, here, strict=True):
            self.placement.values[result] = at or device

    def _put(self, op: Operation, device: str, reason: str) -> None:
        self.placement.ops[op], self.placement.reasons[op] = device, reason
        self.placement.values.update((result, device) for result in op.results)
        for region in op.regions if isinstance(op, While) else ():
            self.placement.values.update((argument, device) for argument in region.block.args)
            self.visit_block(region.block, device)

    def _device(self, op: Operation) -> tuple[str | None, str]:
        """The device of an operation and why; None where that depends on its users."""
        stack = next((v for v in op.operands if isinstance(v.type, StackType)), None)
        if stack is not None and stack in self.placement.values and not isinstance(op, While | CopyTo):
            return self.placement.values[stack], OPERAND  # what a loop keeps is in one place
        if (device := self.requests.of(op)) is not None:
            return device, TOLD if self.requests.asks(op) else VARIABLE
        if variable_of(op) is not None:
            return CUDA, DEFAULT
        largest = self._largest(op.operands)
        if largest is None and isinstance(op, While):
            largest = self._largest(captured_values(op))
        if largest is not None:
            return self.placement.values[largest], OPERAND
        floats = op.has_trait(Pure, value_if_unregistered=False) and stack is None
        return None if floats else CUDA, DEFAULT

    def _largest(self, values: Sequence[SSAValue]) -> SSAValue | None:
        """The largest of those values that are on a device, the first of equal ones."""
        here = [value for value in values if value in self.placement.values]
        return max(here, key=lambda value: _bytes(value.type), default=None)

    def place_floating(self) -> None:
        """Puts constants, and what is computed of them alone, where their first user is."""
        for op in reversed(self.floating):
            use = self._first_use(op.results)
            device = None if use is None else self.placement.wanted(use.operation, use.index)
            self._put(op, device or CUDA, DEFAULT if device is None else USER)

    def move_constants(self) -> None:
        """Puts constants that were told to be where nothing uses them where they are first used."""
        for op in self.order:
            if self.placement.reasons.get(op) == TOLD and is_constant(op):
                use = self._first_use(op.results)
                wanted = {self.placement.wanted(u.operation, u.index) for r in op.results for u in r.uses}
                if use is not None and not wanted & {None, self.placement.ops[op]}:
                    self._put(op, self.placement.wanted(use.operation, use.index) or CUDA, USER)

    def _first_use(self, values: Sequence[SSAValue]) -> Use | None:
        uses = [use for value in values for use in value.uses if use.operation in self.order]
        return min(uses, key=lambda use: self.order[use.operation], default=None)


def is_constant(op: Operation) -> bool:
    """Tells whether an operation makes the same value wherever it is, of nothing."""
    return not op.operands and not isinstance(op, VariableOp) and op.has_trait(Pure)


def _bytes(type_: Attribute) -> float:
    """The size of a value; a stack is larger than any tensor, an extent that is not known counts as 1."""
    match type_:
        case TensorType():
            extents = (1 if n == DYNAMIC_INDEX else n for n in shape_of_type(type_))
            return math.prod(extents) * numpy_dtype(element_type_of(type_)).itemsize
        case SlicesType():
            return _bytes(type_.values_type) + _bytes(type_.indices_type)
        case StackType():
            return math.inf
        case _:
            return 0
