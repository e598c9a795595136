"""Launches of kernels: what the device checks before, and what the stand-in checks after."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from pullback.backends.fibers.kernel_library import LaunchError
from pullback.tests.cuda_core.address_space import Allocation, is_device_address
from pullback.tests.cuda_core.buffers import Buffer
from pullback.tests.cuda_core.errors import cuda_error
from pullback.tests.cuda_core.machine import Machine
from pullback.tests.cuda_core.ordering import Access
from pullback.tests.cuda_core.programs import Kernel
from pullback.tests.cuda_core.recording import Extent, Launch
from pullback.tests.cuda_core.streams import Task

MAX_THREADS = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_SHARED = 48 << 10
"""Bytes of shared memory that a launch may ask for, unless its kernel has asked before."""
NUMPY_SCALARS: tuple[type[Any], ...] = (
    *(np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
    *(np.float16, np.float32, np.float64),
)
CTYPES_SCALARS: tuple[type[Any], ...] = (
    *(ctypes.c_bool, ctypes.c_int8, ctypes.c_int16, ctypes.c_int32, ctypes.c_int64),
    *(ctypes.c_uint8, ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_float, ctypes.c_double),
)


class LaunchConfig:
    """The sizes of a launch."""

    def __init__(
        self,
        grid: Any | None = None,
        cluster: Any | None = None,
        block: Any | None = None,
        shmem_size: int | None = None,
        is_cooperative: bool = False,
        programmatic_stream_serialization: bool = False,
    ) -> None:
        self.grid = _extent("LaunchConfig.grid", grid)
        self.block = _extent("LaunchConfig.block", block)
        self.cluster = None if cluster is None else _extent("LaunchConfig.cluster", cluster)
        self.shmem_size = shmem_size or 0
        self.is_cooperative = is_cooperative
        self.programmatic_stream_serialization = programmatic_stream_serialization
        if cluster is not None or is_cooperative:
            raise NotImplementedError("the stand-in has no clusters and no cooperative launches")


def _extent(label: str, given: Any) -> Extent:
    if isinstance(given, int):
        sizes = (given,)
    else:
        common = "must be an int, or a tuple with up to 3 ints"
        if not isinstance(given, tuple):
            raise ValueError(f"{label} {common} (got {type(given)})")
        if len(given) > 3:
            raise ValueError(f"{label} {common} (got tuple with length {len(given)})")
        if any(not isinstance(size, int) for size in given):
            raise ValueError(f"{label} {common} (got {given})")
        sizes = given
    if any(size < 1 for size in sizes):
        raise ValueError(f"{label} value{'s' if len(sizes) > 1 else ''} must be >= 1 (got {given})")
    x, y, z = (*sizes, 1, 1, 1)[:3]
    return x, y, z


@dataclass(frozen=True)
class KernelCall:
    """A launch of a kernel on a device, its arguments as the device gets them."""

    machine: Machine
    device: int
    config: LaunchConfig
    kernel: Kernel
    values: tuple[int, ...]
    """The bits of each argument."""

    @classmethod
    def of(
        cls, machine: Machine, device: int, config: LaunchConfig, kernel: Kernel, arguments: Sequence[Any]
    ) -> KernelCall:
        """Raises what a launch does at once."""
        signature = kernel._signature
        _check_sizes(config, signature.threads)
        bits = [argument_bits(argument) for argument in arguments]
        sizes, expected = [size for _, size in bits], signature.sizes
        fits = len(sizes) == len(expected) and all(
            a in (None, b) for a, b in zip(expected, sizes, strict=True)
        )
        if not fits:
            raise machine.misuse(
                f"kernel {signature.name} has the parameters ({', '.join(signature.parameters)}) and is launched "
                f"with arguments of {sizes} bytes"
            )
        return cls(machine, device, config, kernel, tuple(value for value, _ in bits))

    @property
    def name(self) -> str:
        return self.kernel._signature.name

    def task(self) -> Task:
        """The launch, enqueued."""
        accesses = self.accesses()
        for access in accesses:
            self.machine.check_live(access.allocation, f"kernel {self.name} is launched on")
        return Task(self.run, accesses, device=self.device)

    def accesses(self) -> list[Access]:
        """What is known of what the kernel reads and writes: the first byte of each pointer."""
        signature = self.kernel._signature
        found = [(at, self.machine.addresses.find(self.values[at])) for at in self._pointers]
        return [
            Access(memory, self.values[at], 1, not signature.is_constant(at), f"kernel {self.name}")
            for at, memory in found
            if memory is not None
        ]

    def run(self) -> None:
        machine = self.machine
        if (error := machine.faults.launch(self.name)) is not None:
            raise error
        places, used = list(self.values), list[Allocation]()
        for at in self._pointers:
            if (allocation := self._accessible(self.values[at])) is not None:
                used.append(allocation)
                places[at] = allocation.host_address + self.values[at] - allocation.address
        grid, block = self.config.grid, self.config.block
        try:
            self.kernel._module.library.launch(self.name, grid, block, places, machine.order)
        except LaunchError as error:
            raise cuda_error("CUDA_ERROR_LAUNCH_FAILED", f"kernel {self.name}: {error}") from None
        machine.recording.records.append(Launch(self.name, grid, block, self.device))
        for allocation in used:
            machine.check_zones(allocation, f"kernel {self.name}")

    @property
    def _pointers(self) -> list[int]:
        return [at for at in range(len(self.values)) if self.kernel._signature.is_pointer(at)]

    def _accessible(self, address: int) -> Allocation | None:
        """The memory of a pointer that the kernel has; a null pointer has none."""
        if address == 0:
            return None
        allocation = self.machine.addresses.find(address)
        if allocation is None:
            where = "a device" if is_device_address(address) else "the host, and not pinned"
            raise cuda_error(
                "CUDA_ERROR_ILLEGAL_ADDRESS", f"kernel {self.name} is given memory of {where}: {address:#x}"
            )
        self.machine.check_live(allocation, f"kernel {self.name} runs on")
        if allocation.device not in (None, self.device):
            raise cuda_error(
                "CUDA_ERROR_ILLEGAL_ADDRESS",
                f"kernel {self.name} runs on device {self.device}, given {allocation}",
            )
        return allocation


def _check_sizes(config: LaunchConfig, threads: int) -> None:
    grid_fits = all(size <= limit for size, limit in zip(config.grid, MAX_GRID, strict=True))
    block_fits = all(size <= limit for size, limit in zip(config.block, MAX_BLOCK, strict=True))
    if not (grid_fits and block_fits and prod(config.block) <= min(MAX_THREADS, threads)):
        raise cuda_error(
            "CUDA_ERROR_INVALID_VALUE", f"grid {config.grid}, block {config.block} of {threads} threads"
        )
    if not 0 <= config.shmem_size <= MAX_SHARED:
        raise cuda_error("CUDA_ERROR_INVALID_VALUE", f"{config.shmem_size} bytes of shared memory")


def argument_bits(argument: Any) -> tuple[int, int]:
    """The bits of an argument and its size in bytes: a Python integer is an address, whatever it was meant to be."""
    if isinstance(argument, Buffer):
        if argument.is_closed:
            raise argument._machine.misuse("a kernel is launched on a buffer that is closed")
        return argument.handle, 8
    if isinstance(argument, int):
        if not -(2**63) <= argument < 2**63:
            raise OverflowError("Python int too large to convert to C long")
        return argument % 2**64, 8
    if isinstance(argument, float):
        argument = np.float64(argument)
    elif isinstance(argument, CTYPES_SCALARS):
        return int.from_bytes(bytes(argument), "little"), ctypes.sizeof(argument)
    if isinstance(argument, NUMPY_SCALARS):
        return int.from_bytes(argument.tobytes(), "little"), argument.nbytes
    raise TypeError("the argument is of unsupported type: " + str(type(argument)))
