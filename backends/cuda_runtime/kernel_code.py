"""The kernels of a module of level `gpu`, compiled for the devices that launch them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda.program_source import cuda_source, kernel_names
from pullback.backends.cuda_runtime.cubin_cache import object_code
from pullback.backends.cuda_runtime.cuda_error import CudaError, first_line
from pullback.backends.cuda_runtime.device_queue import DeviceQueue

Extent = tuple[int, int, int]


class KernelCode:
    """Kernels by name. The text is compiled once for each architecture, when a kernel is first asked for."""

    def __init__(self, module: ModuleOp) -> None:
        self.names = kernel_names(module)
        self._module = module
        self._codes: dict[str, Any] = {}
        self._kernels: dict[tuple[str, str], Any] = {}
        self._configs: dict[tuple[Extent, Extent], Any] = {}

    @cached_property
    def text(self) -> str:
        """The CUDA C++ text."""
        return cuda_source(self._module)

    def kernel(self, name: str, queue: DeviceQueue) -> Any:
        """A kernel for the architecture of a device."""
        key = name, queue.architecture
        if key not in self._kernels:
            if queue.architecture not in self._codes:
                self._codes[queue.architecture] = object_code(self.text, queue.architecture)
            try:
                self._kernels[key] = self._codes[queue.architecture].get_kernel(name)
            except Exception as error:
                raise CudaError(f"{queue.name} does not load kernel @{name}: {first_line(error)}") from error
        return self._kernels[key]

    def config(self, grid: Extent, block: Extent, queue: DeviceQueue) -> Any:
        """The sizes of a launch, as CUDA takes them."""
        if (grid, block) not in self._configs:
            self._configs[grid, block] = queue.module.LaunchConfig(grid=grid, block=block)
        return self._configs[grid, block]
