"""The devices of values at level `kernels`, in programs over several devices.

    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graph.devices = ["cuda:0"]} {
      %0 = graph.copy_to %x {device = "cpu:0"} : tensor<4xf32>          on cpu:0
      %1 = graph.kernel %0 schedule<…> {device = "cpu:0"} : …           on cpu:0
      %2 = graph.gate %1 {device = "cuda:0"} : …                        where %1 is: a gate moves nothing

A program on one device names none.
"""

from __future__ import annotations

from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.kernel.argument_roles import DEVICES, strings
from pullback.dialects.graph.tensor.device import DEVICE, device_of_op
from pullback.dialects.ir.operations_within import operations_within


def device_of_value(value: SSAValue) -> str | None:
    """The device in whose memory a value is: that of the operation that makes it, or of the loop that carries it.

    What a gate passes on stays where it is. None in a program that names no devices.
    """
    while isinstance(value.owner, Gate):
        value = value.owner.operands[value.owner.results.index(value)]  # pyright: ignore[reportArgumentType] one of them
    if isinstance(value, BlockArgument):
        around = value.owner.parent_op()
        assert around is not None
        listed = strings(around, DEVICES)
        if listed is not None:
            return listed[value.index] if value.index < len(listed) else None
        return device_of_op(around)
    owner = value.owner
    assert isinstance(owner, Operation)
    return device_of_op(owner)


def is_spread(function: Operation) -> bool:
    """Tells whether the operations of a function name devices: it runs on several then."""
    return DEVICES in function.attributes or any(
        DEVICE in op.attributes for op in operations_within(function)
    )
