"""The outputs of a program that stay on devices, each in memory of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pullback.backends.cuda_runtime.bound_plan import Copies
from pullback.backends.cuda_runtime.commands import CopyCommand
from pullback.backends.cuda_runtime.described_memory import address_of
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.backends.cuda_runtime.shared_memory import SharedMemoryPool
from pullback.driver.buffers import OutputPool
from pullback.driver.device_array import DeviceArray
from pullback.driver.targets.cuda_arguments import CudaArguments


class KeptOutputs:
    """Copies outputs out of the memory that each call of the program writes, which is one place for its graphs.

    Args:
        outputs: shapes and dtypes by position.
        arguments: the memory of the program.
        queue: gives the queue of a device by its name; for the host's name that of the first.
    """

    def __init__(
        self,
        outputs: Mapping[int, OutputPool],
        arguments: CudaArguments,
        queue: Callable[[str], DeviceQueue],
    ) -> None:
        self._pools = [
            (
                address_of(arguments.arrays[at]),
                SharedMemoryPool(queue(arguments.devices[at]), pool.shape, pool.dtype),
            )
            for at, pool in outputs.items()
        ]

    def taken(self) -> tuple[list[DeviceArray], Copies]:
        """Arrays for the outputs of a call, and the copies that come after its commands."""
        arrays: list[DeviceArray] = []
        copies: list[tuple[CopyCommand, DeviceQueue]] = []
        for source, pool in self._pools:
            memory = pool.take()
            array = DeviceArray(memory.array(), memory.queue, memory)
            arrays.append(array)
            if array.nbytes:
                copies.append((CopyCommand(None, array.address, source, array.nbytes), memory.queue))
        return arrays, copies
