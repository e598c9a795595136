"""Commands to a device: launches, copies, fills. Each is enqueued on a stream, or becomes a node of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from xdsl.ir import Operation

from pullback.backends.cuda_runtime.dependencies import Range
from pullback.backends.interpreter.execution_error import describe

Extent = tuple[int, int, int]


class CommandQueue(Protocol):
    """Where commands are enqueued: see `DeviceQueue`."""

    name: str
    module: Any
    stream: Any


@dataclass(frozen=True)
class LaunchCommand:
    """A launch of a kernel."""

    op: Operation
    """The `gpu.launch_func`."""
    name: str
    """The kernel's name in the text."""
    kernel: Any
    config: Any
    grid: Extent
    block: Extent
    arguments: tuple[Any, ...]
    """Addresses as integers, scalars as NumPy's."""
    labels: tuple[str, ...]
    """The name and the type of each argument."""
    reads: tuple[Range, ...]
    writes: tuple[Range, ...]

    def enqueue(self, queue: CommandQueue) -> None:
        queue.module.launch(queue.stream, self.config, self.kernel, *self.arguments)

    def add_to(self, node: Any) -> Any:
        return node.launch(self.config, self.kernel, *self.arguments)

    def __str__(self) -> str:
        arguments = ", ".join(self.labels)
        return f"kernel @{self.name}({arguments}), grid {self.grid}, block {self.block}{_place(self.op)}"


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

    def enqueue(self, queue: CommandQueue) -> None:
        buffer = queue.module.Buffer.from_handle
        buffer(self.target, self.size).copy_from(buffer(self.source, self.size), stream=queue.stream)

    def add_to(self, node: Any) -> Any:
        return node.memcpy(self.target, self.source, self.size)

    def __str__(self) -> str:
        return f"copy of {self.size} bytes{_place(self.op)}"


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

    def enqueue(self, queue: CommandQueue) -> None:
        queue.module.Buffer.from_handle(self.target, self.size).fill(self._short, stream=queue.stream)

    def add_to(self, node: Any) -> Any:
        pattern = self._short
        return node.memset(self.target, pattern, self.size // len(pattern))

    @property
    def _short(self) -> bytes:
        """CUDA fills with at most four bytes, which is enough for zeros of any type."""
        return self.pattern if any(self.pattern) else b"\0"

    def __str__(self) -> str:
        return f"fill of {self.size} bytes{_place(self.op)}"


Command: TypeAlias = LaunchCommand | CopyCommand | FillCommand


def _place(op: Operation | None) -> str:
    return "" if op is None else f", of {describe(op)}"
