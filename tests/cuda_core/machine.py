"""The machine that a stand-in emulates: its devices, what is current in each thread, and what it has recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pullback.backends.fibers.kernel_library import ThreadOrder
from pullback.tests.cuda_core.address_space import AddressSpace, Allocation, is_device_address
from pullback.tests.cuda_core.errors import CUDAError, MisuseError, cuda_error, no_driver
from pullback.tests.cuda_core.faults import Faults
from pullback.tests.cuda_core.ordering import Ordering
from pullback.tests.cuda_core.recording import Allocated, Freed, Recording

if TYPE_CHECKING:
    from pullback.tests.cuda_core.streams import Stream


@dataclass
class Context:
    """The primary context of a device."""

    device: int
    streams: list[Stream] = field(default_factory=list)
    default_stream: Stream | None = None
    error: CUDAError | None = None
    """What went wrong in it: everything fails from then on."""


class Machine:
    """Devices and their memory. Each stand-in has its own; nothing is shared between two."""

    def __init__(
        self,
        devices: int,
        memory: int,
        architecture: tuple[int, int],
        order: ThreadOrder,
        seed: int,
        driver: bool,
    ) -> None:
        self.driver, self.memory, self.architecture = driver, memory, architecture
        self.order, self.seed = order, seed
        self.contexts = [Context(device) for device in range(devices)]
        self.addresses = AddressSpace()
        self.recording = Recording()
        self.faults = Faults()
        self.misuses: list[str] = []
        self.graph_launches = 0
        self.ordering = Ordering()
        self.races = True
        self.lock = threading.RLock()
        self.types: dict[str, Any] = {}
        self.devices: dict[int, Any] = {}
        self._thread = threading.local()

    # ---- what is current, and what has failed -------------------------------------------------------------

    def initialize(self) -> None:
        """Do what cuInit does."""
        if not self.driver:
            raise no_driver()
        if not self.contexts:
            raise cuda_error("CUDA_ERROR_NO_DEVICE")

    @property
    def current(self) -> int | None:
        """The device whose context is current in this thread."""
        return getattr(self._thread, "current", None)

    @current.setter
    def current(self, device: int) -> None:
        self._thread.current = device
        self.initialized.add(device)

    @property
    def initialized(self) -> set[int]:
        """The devices that were made current in this thread."""
        if not hasattr(self._thread, "initialized"):
            self._thread.initialized = set[int]()
        return self._thread.initialized

    def current_context(self) -> Context:
        """The context of this thread, which works; raises CUDAError where there is none."""
        if self.current is None:
            raise cuda_error("CUDA_ERROR_INVALID_CONTEXT")
        return self.context(self.current)

    @contextmanager
    def calling_back(self) -> Generator[None]:
        """Refuse what this thread asks of CUDA, while a stream runs a function of the host."""
        self._thread.calling_back = True
        try:
            yield
        finally:
            self._thread.calling_back = False

    def context(self, device: int) -> Context:
        """The context of a device, which works; raises the error that it has failed with."""
        if getattr(self._thread, "calling_back", False):
            raise self.misuse("a function that a stream calls uses CUDA, which may wait for that stream")
        context = self.contexts[device]
        if context.error is not None:
            raise CUDAError(*context.error.args)
        return context

    def misuse(self, message: str) -> MisuseError:
        """What to raise where CUDA says that the behaviour is undefined. It is kept: a program may swallow it."""
        self.misuses.append(message)
        return MisuseError(message)

    # ---- memory -------------------------------------------------------------------------------------------

    def allocate(self, size: int, device: int | None) -> Allocation:
        with self.lock:
            if (error := self.faults.allocation()) is not None:
                raise error
            if device is not None and self.addresses.used(device) + size > self.memory:
                raise cuda_error("CUDA_ERROR_OUT_OF_MEMORY", f"{size} bytes more than {self.memory}")
            self.recording.records.append(Allocated(size, device))
            return self.addresses.allocate(size, device)

    def free(self, allocation: Allocation) -> None:
        with self.lock:
            if allocation.freed:
                raise self.misuse(f"{allocation} is freed twice")
            self.check_zones(allocation, "something")
            self.recording.records.append(Freed(allocation.size, allocation.device))
            self.addresses.free(allocation)
            self.ordering.forget(allocation)

    def check_zones(self, allocation: Allocation, writer: str) -> None:
        if allocation.mend():
            raise self.misuse(f"{writer} writes to memory before or after {allocation}")

    def operand(self, address: int, size: int) -> Allocation | None:
        """The memory of a copy when it is enqueued; None is memory of the host that is not pinned."""
        allocation = self.addresses.find(address)
        if allocation is None:
            if is_device_address(address) or address == 0:
                raise cuda_error("CUDA_ERROR_INVALID_VALUE", f"no memory at {address:#x}")
            return None
        self.check_live(allocation, "an operation is enqueued that uses")
        if address + size > allocation.address + allocation.size:
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", f"{size} bytes do not lie in {allocation}")
        return allocation

    def check_live(self, allocation: Allocation, user: str) -> None:
        if allocation.freed:
            raise self.misuse(f"{user} {allocation}, which was freed")


class Bound:
    """A class of `cuda.core` of which each machine has a subclass of its own."""

    _machine: ClassVar[Machine]

    @classmethod
    def _bound(cls, machine: Machine) -> dict[str, object]:
        """Members that know the machine, which static methods do not."""
        return {}


def bind(machine: Machine, *classes: type[Bound]) -> None:
    """Make the classes of a machine: a class follows those that it is derived from."""
    for each in classes:
        bases = [machine.types[base.__name__] for base in each.__bases__ if base.__name__ in machine.types]
        members = {"_machine": machine, "__doc__": each.__doc__, "__module__": each.__module__}
        machine.types[each.__name__] = type(each.__name__, (each, *bases), members | each._bound(machine))


def options_of(kind: type[Any], given: object, what: str) -> Any:
    """Options from an instance, a dictionary, or None."""
    if given is None:
        return kind()
    if isinstance(given, kind):
        return given
    if isinstance(given, dict):
        return kind(**given)
    raise TypeError(
        f"The {what} must be provided as an object of type {kind.__name__} or as a dict with valid {what}. "
        f"The provided object is '{given}'."
    )


Action = Callable[[], object]
