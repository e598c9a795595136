"""Devices."""

from __future__ import annotations

from typing import Any, NamedTuple

from pullback.tests.cuda_core.buffers import Buffer
from pullback.tests.cuda_core.errors import CUDAError
from pullback.tests.cuda_core.launches import MAX_BLOCK, MAX_GRID, MAX_SHARED, MAX_THREADS
from pullback.tests.cuda_core.machine import Bound, Context, Machine, options_of
from pullback.tests.cuda_core.memory_resources import MemoryResource
from pullback.tests.cuda_core.recording import Waited
from pullback.tests.cuda_core.streams import Event, Stream, StreamOptions


class ComputeCapability(NamedTuple):
    major: int
    minor: int


class DeviceProperties:
    """What a device can do: an H100 in small."""

    max_threads_per_block = MAX_THREADS
    max_block_dim_x, max_block_dim_y, max_block_dim_z = MAX_BLOCK
    max_grid_dim_x, max_grid_dim_y, max_grid_dim_z = MAX_GRID
    max_shared_memory_per_block = MAX_SHARED
    max_shared_memory_per_block_optin = 227 << 10
    warp_size = 32
    multiprocessor_count = 132
    memory_pools_supported = True
    host_memory_pools_supported = True
    unified_addressing = True
    l2_cache_size = 50 << 20
    clock_rate = 1_980_000
    memory_clock_rate = 2_619_000
    global_memory_bus_width = 5120
    async_engine_count = 3

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("DeviceProperties cannot be instantiated directly. Please use Device APIs.")


class Device(Bound):
    """A device; the same object for the same number."""

    _device_id: int
    _resource: MemoryResource | None

    def __new__(cls, device_id: Any | None = None) -> Device:
        machine = cls._machine
        machine.initialize()
        if isinstance(device_id, Device):
            return device_id
        if device_id is None:
            device_id = machine.current or 0
        if device_id < 0:
            raise ValueError(f"device_id must be >= 0, got {device_id}")
        if device_id >= len(machine.contexts):
            raise ValueError(f"device_id must be within [0, {len(machine.contexts)}), got {device_id}")
        with machine.lock:
            known = machine.devices
            if device_id not in known:
                self = super().__new__(cls)
                self._device_id, self._resource = device_id, None
                known[device_id] = self
            return known[device_id]

    @classmethod
    def get_all_devices(cls) -> tuple[Device, ...]:
        cls._machine.initialize()
        return tuple(cls(number) for number in range(len(cls._machine.contexts)))

    def __int__(self) -> int:
        return self._device_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and other._device_id == self._device_id

    def __hash__(self) -> int:
        return hash(self._device_id)

    @property
    def device_id(self) -> int:
        return self._device_id

    @property
    def name(self) -> str:
        return "Stand-in"

    @property
    def uuid(self) -> str:
        return f"00000000-0000-0000-0000-{self._device_id:012x}"

    @property
    def pci_bus_id(self) -> str:
        return f"0000:{self._device_id:02X}:00.0"

    @property
    def compute_capability(self) -> ComputeCapability:
        return ComputeCapability(*self._machine.architecture)

    @property
    def arch(self) -> str:
        return "{}{}".format(*self._machine.architecture)

    @property
    def properties(self) -> DeviceProperties:
        return object.__new__(DeviceProperties)

    @property
    def memory_resource(self) -> MemoryResource:
        resource = self._resource or self._machine.types["DeviceMemoryResource"](self._device_id)
        self._resource = resource
        return resource

    @property
    def default_stream(self) -> Stream:
        context = self._context()
        kind = self._machine.types["Stream"]
        stream = context.default_stream or kind._made(context, StreamOptions(nonblocking=False))
        context.default_stream = stream
        return stream

    def can_access_peer(self, peer: Any) -> bool:
        return self._machine.types["Device"](peer).device_id == self._device_id

    def set_current(self, ctx: Any | None = None) -> Any | None:
        if ctx is not None:
            raise NotImplementedError("the stand-in has the primary contexts alone")
        self._machine.current = self._device_id

    def create_stream(self, obj: Any | None = None, options: StreamOptions | None = None) -> Stream:
        if obj is not None:
            raise NotImplementedError("the stand-in wraps no stream of others")
        given = options_of(StreamOptions, options, "Stream options")
        return self._machine.types["Stream"]._made(self._context(), given)

    def create_event(self, options: Any | None = None) -> Event:
        return self._machine.types["Event"]._made(self._context(), options)

    def allocate(self, size: int, *, stream: Stream) -> Buffer:
        self._context()
        return self.memory_resource.allocate(size, stream=stream)

    def sync(self) -> None:
        context = self._context()
        self._machine.recording.records.append(Waited("device", self._device_id))
        for stream in list(context.streams):
            stream._wait_for_all()

    def _context(self) -> Context:
        machine: Machine = self._machine
        if self._device_id not in machine.initialized:
            raise CUDAError(
                f"Device {self._device_id} is not yet initialized, perhaps you forgot to call .set_current() first?"
            )
        return machine.context(self._device_id)
