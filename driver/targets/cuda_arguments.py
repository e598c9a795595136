"""The memory of the arguments of a program on devices: all but the variables, which several programs share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType

from pullback.backends.cuda_runtime.described_memory import byte_size
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer, DeviceQueue
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.kernel.devices import argument_devices
from pullback.dialects.graph.tensor.device import HOST
from pullback.driver.layout import Layout

Array = npt.NDArray[Any]


class CudaArguments:
    """Memory that stays where it is as long as the program.

    Args:
        main: the host function.
        layout: what its arguments are for.
        queue: gives the queue of a device by its name; that of the host's name has the pinned memory.
    """

    def __init__(self, main: func.FuncOp, layout: Layout, queue: Callable[[str], DeviceQueue]) -> None:
        self.devices: Sequence[str] = argument_devices(main)
        self.arrays: dict[int, Array] = {}
        """For each argument that is no variable an array; those on devices describe memory."""
        self.buffers: dict[int, DeviceBuffer] = {}
        """The memory of those on devices."""
        self.pinned: dict[int, Array] = {}
        """Those that are on the host, and memory of the host beside those that are copied from or to it."""
        self.types: list[tuple[tuple[int, ...], np.dtype[Any]]] = []
        """The shape and the element type of each argument."""
        for argument, device in zip(main.body.block.args, self.devices, strict=True):
            at, type_ = argument.index, argument.type
            assert isinstance(type_, MemRefType)
            shape, dtype = tuple(type_.get_shape()), dtype_of(type_)
            self.types.append((shape, dtype))
            if at in layout.variables:
                continue
            label = _purpose(layout, at, argument.name_hint)
            on_host = device == HOST
            if on_host or at in layout.inputs or at in layout.outputs or at in layout.constants:
                self.pinned[at] = queue(device).pinned(shape, dtype, label)
            if on_host:
                self.arrays[at] = self.pinned[at]
                continue
            size = byte_size(shape, dtype)
            buffer = self.buffers[at] = queue(device).allocate(size, label)
            self.arrays[at] = buffer.array(shape, dtype)


def _purpose(layout: Layout, at: int, name: str | None) -> str:
    """What messages call the memory of an argument."""
    kinds = {"input": layout.inputs, "output": layout.outputs, "constant": layout.constants}
    for kind, positions in kinds.items():
        if at in positions:
            return f"{kind} '{name or at}'"
    return "the values between kernels"
