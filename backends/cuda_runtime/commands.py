"""Commands to a device: launches, copies, fills. Each is enqueued on a stream, or becomes a node of a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Operation

from pullback.backends.cuda_runtime.device_queue import DeviceQueue

Range = tuple[int, int]
"""Where memory begins, and where it ends."""


@dataclass(frozen=True)
class LaunchCommand:
    """A launch of a kernel."""

    op: Operation
    """The `gpu.launch_func`, for messages."""
    kernel: Any
    config: Any
    arguments: tuple[Any, ...]
    """Addresses as integers, scalars as NumPy's."""
    reads: tuple[Range, ...]
    writes: tuple[Range, ...]

    def enqueue(self, queue: DeviceQueue) -> None:
        queue.module.launch(queue.stream, self.config, self.kernel, *self.arguments)

    def add_to(self, node: Any) -> Any:
        return node.launch(self.config, self.kernel, *self.arguments)


@dataclass(frozen=True)
class CopyCommand:
    """A copy of bytes, of any memory to any other."""

    op: Operation | None
    target: int
    source: int
    size: int

    @property
    def reads(self) -> tuple[Range, ...]:
        return ((self.source, self.source + self.size),)

    @property
    def writes(self) -> tuple[Range, ...]:
        return ((self.target, self.target + self.size),)

    def enqueue(self, queue: DeviceQueue) -> None:
        if self.size:
            buffer: Callable[[int, int], Any] = queue.module.Buffer.from_handle
            buffer(self.target, self.size).copy_from(buffer(self.source, self.size), stream=queue.stream)

    def add_to(self, node: Any) -> Any:
        return node.memcpy(self.target, self.source, self.size) if self.size else node


@dataclass(frozen=True)
class FillCommand:
    """Fills memory with elements of one value."""

    op: Operation
    target: int
    size: int
    pattern: bytes
    """The bytes of an element: 1, 2 or 4, or zeros."""

    @property
    def reads(self) -> tuple[Range, ...]:
        return ()

    @property
    def writes(self) -> tuple[Range, ...]:
        return ((self.target, self.target + self.size),)

    def enqueue(self, queue: DeviceQueue) -> None:
        if self.size:
            memory = queue.module.Buffer.from_handle(self.target, self.size)
            memory.fill(self._short, stream=queue.stream)

    def add_to(self, node: Any) -> Any:
        if not self.size:
            return node
        pattern = self._short
        return node.memset(self.target, pattern, self.size // len(pattern))

    @property
    def _short(self) -> bytes:
        """CUDA fills with at most four bytes, which is enough for zeros of any type."""
        return self.pattern if any(self.pattern) else b"\0"


Command = LaunchCommand | CopyCommand | FillCommand
