"""Runs a function of level `gpu` on devices, on arrays of the host: text that says nothing of its arguments, say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda_runtime.cuda_program import CudaProgram
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer
from pullback.backends.cuda_runtime.device_queues import queue_of_device
from pullback.backends.host_program.poison import poison
from pullback.backends.host_program.run_device_memory import DeviceMemory
from pullback.backends.interpreter.run_memory import Memory
from pullback.dialects.graph.tensor.device import CUDA, HOST
from pullback.driver.targets.native_callees import native_callees
from pullback.process.interrupts import run_changing

Array = npt.NDArray[Any]


def run_on_devices(
    module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Collection[int]
) -> None:
    """Runs a function on arrays, in place: what it has on devices is copied there, and back.

    Raises:
        CudaError: something is missing, or fails on a device.
        ExecutionError: the program is wrong.
    """
    queue_of_device(CUDA)  # what is missing is said before anything else
    program = CudaProgram(module, queue_of_device, f"@{entry}", native_callees(module), entry)
    places = [
        _Place(memory, f"argument {at} of @{entry}", is_undefined=at in undefined)
        for at, memory in enumerate(program.arguments_of_entry(buffers))
    ]
    try:
        bound = program.bind([place.array for place in places], {})
        run_changing(lambda progress: program.execute(bound, progress))
        program.synchronize()
    except BaseException:
        with suppress(Exception):  # the memory goes away
            program.synchronize()
        raise
    for place in places:
        place.bring_back()


class _Place:
    """Where a program has an argument, which the caller has elsewhere on the host."""

    def __init__(self, memory: Memory, label: str, *, is_undefined: bool) -> None:
        self._given, self._label = memory.data, label
        is_there = isinstance(memory, DeviceMemory)
        self._queue = queue_of_device(memory.device if is_there else HOST)
        self._buffer: DeviceBuffer | None = None
        given = self._given
        if is_there:
            self._buffer = self._queue.allocate(given.nbytes, label)
            self.array = self._buffer.array(given.shape, given.dtype)
            if not is_undefined:
                self._copy(self._buffer.address, given.ctypes.data)
        else:
            self.array = self._queue.pinned(given.shape, given.dtype, label)
            if is_undefined:
                poison(self.array)
            else:
                self.array[...] = given
        self.array.flags.writeable = given.flags.writeable

    def bring_back(self) -> None:
        """Gives the caller what the program has left there."""
        if not self._given.flags.writeable:
            return
        if self._buffer is None:
            self._given[...] = self.array
        else:
            self._copy(self._given.ctypes.data, self._buffer.address)

    def _copy(self, target: int, source: int) -> None:
        if self._given.nbytes:
            self._queue.copy(target, source, self._given.nbytes, f"a copy of {self._label}")
            self._queue.synchronize()
