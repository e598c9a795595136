"""A stand-in for the part of `cuda.core` that the CUDA runtime uses, on a machine without a GPU.

A kernel is the text that NVRTC would compile, compiled for fibers. A stand-in is an object with the attributes of the
module, and a machine of its own.
"""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from pullback.backends.fibers.kernel_library import ThreadOrder
from pullback.tests.cuda_core import (
    executable_nodes,
    graph_nodes,
    graphs,
    memory_resources,
    programs,
    streams,
)
from pullback.tests.cuda_core.buffers import Buffer
from pullback.tests.cuda_core.devices import Device
from pullback.tests.cuda_core.errors import CUDAError, DynamicLibNotFoundError, MisuseError, NVRTCError
from pullback.tests.cuda_core.faults import Faults
from pullback.tests.cuda_core.launches import KernelCall, LaunchConfig
from pullback.tests.cuda_core.machine import Machine, bind, options_of
from pullback.tests.cuda_core.recording import Recording


class StandIn:
    """What `import cuda.core` would give.

    Args:
        devices: how many there are; with 0 there is a driver and no device.
        memory: bytes that each device has.
        architecture: the compute capability.
        order: the order of threads, warps and blocks in kernels.
        seed: of the orders in which nodes of graphs run.
        driver: whether there is a driver.
        races: whether accesses to memory that nothing orders are errors; otherwise they happen in some order.
    """

    __version__ = "1.2.0"

    def __init__(
        self,
        devices: int = 1,
        *,
        memory: int = 1 << 28,
        architecture: tuple[int, int] = (9, 0),
        order: ThreadOrder = ThreadOrder.FORWARDS,
        seed: int = 0,
        driver: bool = True,
        races: bool = True,
    ) -> None:
        machine = self._machine = Machine(devices, memory, architecture, order, seed, driver)
        machine.races = races
        bind(machine, streams.Stream, streams.Event, Device)
        bind(machine, Buffer, memory_resources.MemoryResource, memory_resources.DeviceMemoryResource)
        bind(machine, memory_resources.PinnedMemoryResource, memory_resources.LegacyPinnedMemoryResource)
        bind(machine, programs.Program, programs.ObjectCode, programs.Kernel)
        self.__dict__.update(machine.types)
        classes = (*graphs.CLASSES, *executable_nodes.CLASSES)
        bind(machine, *classes)
        hidden = (graph_nodes.NodeBuilder, executable_nodes.OptionalNode)
        nodes = {each.__name__: machine.types[each.__name__] for each in classes if each not in hidden}
        self.graph = SimpleNamespace(**nodes, GraphCompleteOptions=graphs.GraphCompleteOptions)
        self.StreamOptions, self.EventOptions = streams.StreamOptions, streams.EventOptions
        self.ProgramOptions, self.LaunchConfig = programs.ProgramOptions, LaunchConfig
        self.system = SimpleNamespace(get_num_devices=self._get_num_devices)
        errors = SimpleNamespace(CUDAError=CUDAError, NVRTCError=NVRTCError)
        self._utils = SimpleNamespace(cuda_utils=errors)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in for cuda.core has no {name!r}; see tests/cuda_core")

    def launch(self, stream, config, kernel, *kernel_args) -> None:
        accepted = streams.accept_stream(stream)
        given = options_of(LaunchConfig, config, "launch config")
        call = KernelCall.of(self._machine, accepted._context.device, given, kernel, kernel_args)
        accepted._enqueue(call.task())

    @property
    def recording(self) -> Recording:
        return self._machine.recording

    @property
    def faults(self) -> Faults:
        return self._machine.faults

    def lose_device(self, device: int, error: str = "CUDA_ERROR_DEVICE_UNAVAILABLE") -> None:
        """Let everything on a device fail from now on."""
        from pullback.tests.cuda_core.errors import cuda_error

        self._machine.contexts[device].error = cuda_error(error, "planted")

    def check(self) -> None:
        """Run what nobody has waited for; raise what CUDA leaves undefined, also where the program swallowed it."""
        for context in self._machine.contexts:
            for stream in context.streams:
                with suppress(CUDAError, MisuseError):
                    stream._run_until(stream._enqueued)
        misuses, self._machine.misuses = self._machine.misuses, []
        if misuses:
            raise MisuseError("\n".join(misuses))

    def _get_num_devices(self) -> int:
        if not self._machine.driver:
            raise DynamicLibNotFoundError(
                '"nvml" is an NVIDIA driver library and can only be found via system search.'
            )
        return len(self._machine.contexts)
