"""A library with arrays on devices, as others see it through DLPack: it has memory and a stream of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.backends.cuda_runtime.described_memory import described
from pullback.backends.cuda_runtime.dlpack_capsules import array_in, capsule_of
from pullback.tests.cuda_core.stand_in import StandIn


class ForeignLibrary:
    """Makes arrays on a device of a stand-in, and takes those of others."""

    def __init__(self, core: StandIn, device: int = 0) -> None:
        self.core, self.device = core, core.Device(device)
        self.device.set_current()
        self.stream = self.device.create_stream()

    def array(self, values: Any) -> ForeignArray:
        """An array whose contents are enqueued, and may not be there yet."""
        values = np.asarray(values)
        memory = self.device.allocate(max(values.nbytes, 1), stream=self.stream)
        made = ForeignArray(self, memory, described(memory.handle, values.shape, values.dtype))
        made.fill(values)
        return made

    def read(self, described_array: np.ndarray) -> np.ndarray:
        """The contents of memory of a device, after what the library's stream was told."""
        result = np.empty(described_array.shape, described_array.dtype)
        if result.nbytes:
            self._copy(result.ctypes.data, described_array.ctypes.data, result.nbytes)
            self.stream.sync()
        return result

    def from_dlpack(self, value: Any) -> np.ndarray:
        """An array that describes the memory of another library's, and shares it."""
        return array_in(value.__dlpack__(stream=self.stream.handle, max_version=(1, 0)))

    def _copy(self, target: int, source: int, size: int) -> None:
        buffer = self.core.Buffer.from_handle
        buffer(target, size).copy_from(buffer(source, size), stream=self.stream)


class ForeignArray:
    """An array of that library."""

    def __init__(self, library: ForeignLibrary, memory: Any, described_array: np.ndarray) -> None:
        self.library, self.memory, self.described = library, memory, described_array
        self.streams: list[int | None] = []
        """Those of its consumers."""

    def fill(self, values: Any) -> None:
        """Enqueues new contents."""
        values = np.asarray(values, self.described.dtype)
        if values.nbytes:
            self.library._copy(self.described.ctypes.data, values.ctypes.data, values.nbytes)
        self.kept = values

    def transposed(self) -> ForeignArray:
        return ForeignArray(self.library, self.memory, self.described.T)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.library.device.device_id

    def __dlpack__(self, *, stream: int | None = None, max_version: Any = None) -> Any:
        self.streams.append(stream)
        if stream != -1:
            self.library.core.Stream.from_handle(stream or 1).wait(self.library.stream)
        return capsule_of(self.described, self.library.device.device_id, max_version)


class OldForeignArray(ForeignArray):
    """One of a library that knows the first form of the protocol alone."""

    def __dlpack__(self, stream: int | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().__dlpack__(stream=stream)
