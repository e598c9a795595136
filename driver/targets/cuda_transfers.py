"""The inputs and outputs of a program on devices: how they get there, and how they come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from pullback.backends.cuda_runtime.bound_plan import Copies
from pullback.backends.cuda_runtime.commands import CopyCommand
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.driver.device_array import DeviceArray
from pullback.driver.layout import Layout
from pullback.driver.targets.cuda_arguments import CudaArguments

Array = npt.NDArray[Any]


class Transfers:
    """Copies between arrays of the host and the memory of arguments, through pinned memory.

    What an argument has on the host itself, it has in pinned memory: nothing else is copied there.
    """

    def __init__(self, layout: Layout, arguments: CudaArguments) -> None:
        self._layout, self._arguments = layout, arguments
        self._in = {at: self._copy(at, True) for at in (*layout.inputs, *layout.constants)}
        self._out = {at: self._copy(at, False) for at in layout.outputs}

    def inputs(self, arrays: Mapping[int, Array]) -> Copies:
        """Takes inputs of a call, which may change once this returns; gives the copies that a run begins with.

        Nothing that was enqueued before may still read pinned memory.

        Args:
            arrays: by the position of the argument.
        """
        return self._taken(arrays)

    def on_device(self, arrays: Mapping[int, DeviceArray]) -> Copies:
        """The copies of inputs that are on devices. What the program takes on the host is copied there now."""
        copies: list[tuple[CopyCommand, DeviceQueue]] = []
        for at, array in arrays.items():
            buffer = self._arguments.buffers.get(at)
            if buffer is None:
                pinned = self._arguments.pinned[at]
                pinned[...] = array.numpy().view(pinned.dtype)
            elif array.nbytes:
                array.prepare()
                if array.queue is not buffer.queue:
                    buffer.queue.stream.wait(array.queue.stream)
                copies.append((CopyCommand(None, buffer.address, array.address, array.nbytes), buffer.queue))
        return copies

    @property
    def is_on_host(self) -> bool:
        """Whether the program takes an input on the host, in memory that a call may still read when it returns."""
        return any(at not in self._arguments.buffers for at in self._layout.inputs)

    def constants(self) -> Copies:
        """The copies of the constants."""
        return self._taken(self._layout.constants)

    def outputs(self) -> Copies:
        """The copies that a run ends with."""
        return [copy for copies in self._out.values() for copy in copies]

    def take(self) -> list[Array]:
        """The outputs, for the caller to keep, once the devices have been waited for."""
        results = [pool.take() for pool in self._layout.outputs.values()]
        for at, result in zip(self._layout.outputs, results, strict=True):
            result[...] = self._arguments.pinned[at].view(result.dtype)
        return results

    def _taken(self, given: Mapping[int, Array]) -> Copies:
        for at, array in given.items():
            pinned = self._arguments.pinned[at]
            pinned[...] = array.view(pinned.dtype)
        return [copy for at in given for copy in self._in[at]]

    def _copy(self, at: int, to_device: bool) -> Copies:
        buffer = self._arguments.buffers.get(at)
        pinned = self._arguments.pinned[at]
        if buffer is None or not pinned.nbytes:
            return []
        target, source = buffer.address, pinned.ctypes.data
        if not to_device:
            target, source = source, target
        return [(CopyCommand(None, target, source, pinned.nbytes), buffer.queue)]
