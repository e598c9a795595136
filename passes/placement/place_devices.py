"""`place-devices`: a device for each operation, and copies of what is used on another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.traits import IsTerminator

from pullback.dialects.graph.kernel.op_devices import is_spread
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.tensor.device import CUDA, HOST, device_of_op, parse_device
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.placement.assign_devices import assign_devices
from pullback.passes.placement.device_requests import (
    DeviceRequests,
    Devices,
    operations_in,
    stated_for_arguments,
)
from pullback.passes.placement.device_warnings import warn_of_devices
from pullback.passes.placement.insert_copies import drop_devices, write_devices
from pullback.passes.placement.placement_report import placement_report, show
from pullback.passes.rewriting.statistic import Statistic


@dataclass(frozen=True)
class PlaceDevices(ModulePass):
    """Place each operation on a device, and copy what is used on another than its own.

    An operation is where it was told to be, else where its variable is, else where its largest operand is. What has no
    such operand, as constants, is where it is first used. The default is `cuda:0`, and a program that is there as a
    whole names no device afterwards. In any other each operation states its device, and the function those of its
    arguments, as `graph.devices`.
    """

    name = "place-devices"
    anchor = "func.func"
    placed = Statistic("operations in programs of several devices", by="device")
    copies = Statistic("copies to another device")

    device: Literal["cpu", "cuda"] = "cpu"
    """What the target runs kernels on: with `cpu` devices are ignored, with `cuda` each operation is placed."""
    available: tuple[str, ...] = ()
    """The devices that are there, beside `cpu:0`; all that the program names, if none are given."""
    soft: bool = False
    """Whether what asks for a device that is not there runs on `cuda:0`, with a warning."""
    report: Literal["none", "placement"] = "none"
    """`placement` prints on standard error where each operation is, and why."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        there = self._there(op)
        functions = [f for f in op.ops if isinstance(f, func.FuncOp) and f.body.blocks and is_spread(f)]
        if self.device == "cpu":
            ignore_devices(functions)
        else:
            for function in functions:
                self._place(function, there)

    def _there(self, module: ModuleOp) -> Devices:
        try:
            names = [parse_device(name) for name in self.available]
        except ValueError as error:
            raise DiagnosticError(f"{self.name}: available: {error}", module) from None
        if names and CUDA not in names:
            raise DiagnosticError(
                f"{self.name}: available is {', '.join(names)}; expected {CUDA} among them, the default device",
                module,
            )
        return Devices(names, self.soft)

    def _place(self, function: func.FuncOp, there: Devices) -> None:
        block = function.body.block
        requests = DeviceRequests(block, there)
        placement = assign_devices(block, requests, stated_for_arguments(function))
        for device, op in requests.missing.items():
            warn_of_devices(
                f"{device} is not there: '{op.name}' runs on {CUDA}, with all that asks for it", op
            )
        if {*placement.values.values(), *placement.ops.values()} <= {CUDA}:
            drop_devices(function)
        else:
            write_devices(function, placement)
            for op in operations_in(block):
                self.copies.add(isinstance(op, CopyTo))
                if not op.has_trait(IsTerminator):
                    self.placed.add(kind=placement.ops[op])
        if self.report == "placement":
            show(placement_report(function, placement))


def ignore_devices(functions: Sequence[func.FuncOp]) -> None:
    """Drops all devices, with one warning about all of them, at the first operation that asks for another than this."""
    asked = [(op, device_of_op(op)) for function in functions for op in function.walk()]
    for function in functions:
        drop_devices(function)
    for op, device in asked:
        if device not in (None, HOST):
            warn_of_devices(
                f"devices are ignored: '{op.name}' asks for {device}, and all runs on the processor", op
            )
            break
