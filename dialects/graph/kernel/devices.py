"""Devices of memory at level `gpu`: the host's, and those which kernels work on.

    func.func @main(%x: memref<4xf32>, %host_arena: memref<64xi8>) attributes {
        graph.arguments = ["input", "host_arena"], graph.devices = ["cuda:1", "cpu:0"]} {
      %y = gpu.alloc(%n) : memref<?xf32>
      %z = gpu.alloc(%n) {graph.device = "cuda:1"} : memref<?xf32>
      %host = memref.view %host_arena[%c0][] : memref<64xi8> to memref<4xf32>

A memref type does not say where the memory is. What made it does: `%y` is on the first GPU, `%z` where it says, and
`%host` is where the argument is of which it is a view.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import scf
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from pullback.dialects.graph.kernel.argument_roles import DEVICES, strings
from pullback.dialects.graph.tensor.device import CUDA, HOST, parse_device
from pullback.dialects.ir.diagnostics import DiagnosticError

ALLOCATED_ON = "graph.device"
"""The attribute of `gpu.alloc` that gives its device; without it, that is the first GPU."""
VIEWS = frozenset(
    f"memref.{name}"
    for name in ("view", "subview", "reinterpret_cast", "cast", "collapse_shape", "expand_shape")
)
"""Operations whose result is the memory of their first operand."""
_MADE_ON_HOST = frozenset(("memref.alloc", "memref.alloca", "memref.get_global"))
"""Operations that make memory of the host, or that name some of the module."""


def is_gpu(device: str | None) -> bool:
    """Tells whether a device, by its normalised name, is one that kernels are launched on."""
    return device is not None and device.startswith("cuda:")


def argument_devices(function: Operation) -> Sequence[str]:
    """The device of each argument of a host function.

    A function that does not state them has on a device what it passes to kernels, and the rest on the host.
    """
    stated = stated_devices(function)
    if stated is not None:
        return stated
    from pullback.dialects.upstream.gpu import LaunchFuncOp  # only functions that launch something get here

    passed = {
        root_of(value)
        for launch in function.walk()
        if isinstance(launch, LaunchFuncOp)
        for value in launch.kernel_operands
    }
    return [CUDA if argument in passed else HOST for argument in function.regions[0].block.args]


def stated_devices(function: Operation) -> Sequence[str] | None:
    """The devices that a function states for its arguments; None if it states none.

    Raises:
        DiagnosticError: there is not a known one for each argument.
    """
    if DEVICES not in function.attributes:
        return None
    arguments = function.regions[0].block.args
    devices = strings(function, DEVICES) or ()
    if len(devices) != len(arguments):
        raise DiagnosticError(
            f"{DEVICES} names {len(devices)} devices for {len(arguments)} arguments: expected one for each",
            function,
        )
    for argument, device in zip(arguments, devices, strict=True):
        if not _is_normalised(device):
            raise DiagnosticError(
                f"{DEVICES} says that argument {argument.index} is on '{device}': expected {HOST}, or {CUDA}, cuda:1 "
                "and so on",
                function,
            )
    return devices


def allocation_device(op: Operation) -> str:
    """The device of a `gpu.alloc`.

    Raises:
        DiagnosticError: it names one that has no memory for kernels.
    """
    stated = op.attributes.get(ALLOCATED_ON, StringAttr(CUDA))
    device = stated.data if isinstance(stated, StringAttr) else str(stated)
    if not (is_gpu(device) and _is_normalised(device)):
        raise DiagnosticError(
            f"'{op.name}': {ALLOCATED_ON} is '{device}': expected {CUDA}, cuda:1 and so on", op
        )
    return device


def _is_normalised(device: str) -> bool:
    try:
        return parse_device(device) == device
    except ValueError:
        return False


def device_of(value: SSAValue, arguments: Sequence[str]) -> str | None:
    """The device of the memory of a memref; None where nothing says.

    Args:
        value: a memref in a host function.
        arguments: the device of each argument of the function.
    """
    root = root_of(value)
    if isinstance(root, OpResult):
        if root.op.name == "gpu.alloc":
            return allocation_device(root.op)
        return HOST if root.op.name in _MADE_ON_HOST else None
    assert isinstance(root, BlockArgument)
    return arguments[root.index] if _is_entry(root.owner) else None


def root_of(value: SSAValue) -> SSAValue:
    """The value whose memory this is: through views, and what loops and branches carry, as it was at first."""
    while True:
        source = _source(value)
        if source is None:
            return value
        value = source


def _source(value: SSAValue) -> SSAValue | None:
    if isinstance(value, BlockArgument):
        return _before_the_first_trip(value)
    assert isinstance(value, OpResult)
    op, index = value.op, value.index
    match op:
        case scf.WhileOp():
            return _passed_on(op.before_region.block, index + 1)
        case scf.ForOp():
            return op.iter_args[index]
        case scf.IfOp():
            return _passed_on(op.true_region.block, index)
        case _:
            return op.operands[0] if op.name in VIEWS else None


def _before_the_first_trip(argument: BlockArgument) -> SSAValue | None:
    around = argument.owner.parent_op()
    if isinstance(around, scf.WhileOp):
        if argument.owner is around.before_region.block:
            return around.arguments[argument.index]
        return _passed_on(around.before_region.block, argument.index + 1)
    if isinstance(around, scf.ForOp) and argument.index:
        return around.iter_args[argument.index - 1]
    return None


def _passed_on(block: Block, index: int) -> SSAValue | None:
    last = block.last_op
    return last.operands[index] if last is not None and index < len(last.operands) else None


def _is_entry(block: Block) -> bool:
    around = block.parent_op()
    return around is not None and around.name == "func.func"
