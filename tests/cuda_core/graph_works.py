"""What nodes of graphs do, with their operands, which they keep alive as those of CUDA do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pullback.tests.cuda_core.buffers import Buffer
from pullback.tests.cuda_core.copies import copy_accesses, copy_task, fill_task
from pullback.tests.cuda_core.errors import cuda_error
from pullback.tests.cuda_core.launches import KernelCall, LaunchConfig
from pullback.tests.cuda_core.machine import Machine
from pullback.tests.cuda_core.ordering import Access, conflict_in_graph
from pullback.tests.cuda_core.ownership import Pointer
from pullback.tests.cuda_core.programs import Kernel
from pullback.tests.cuda_core.streams import Event, Stream, Task


class Work:
    """What a node does, with the operands that it has at the moment."""

    def enqueue(self, stream: Stream) -> None:
        """Let a stream do it."""

    def accesses(self) -> Sequence[Access]:
        """What it reads and writes."""
        return ()

    def like(self, other: Work) -> bool:
        """Whether an instantiated graph that does this can be updated to do the other."""
        return type(self) is type(other)


class EmptyWork(Work):
    """Nothing: what comes after several nodes."""


@dataclass(frozen=True)
class KernelWork(Work):
    """A launch, on the device that was current when the node was made."""

    call: KernelCall
    arguments: tuple[Any, ...]

    @classmethod
    def of(
        cls, machine: Machine, config: LaunchConfig, kernel: Kernel, arguments: Sequence[Any]
    ) -> KernelWork:
        device = machine.current_context().device
        return cls(KernelCall.of(machine, device, config, kernel, arguments), tuple(arguments))

    def enqueue(self, stream: Stream) -> None:
        stream._enqueue(self.call.task())

    def accesses(self) -> Sequence[Access]:
        return self.call.accesses()

    def like(self, other: Work) -> bool:
        return isinstance(other, KernelWork) and other.call.device == self.call.device


@dataclass(frozen=True)
class CopyWork(Work):
    """A copy of bytes."""

    machine: Machine
    target: int
    source: int
    size: int
    owners: tuple[object, ...]

    @classmethod
    def of(
        cls, machine: Machine, dst: Any, src: Any, size: int, dst_owner: object, src_owner: object
    ) -> CopyWork:
        machine.current_context()
        target, target_owner = operand(dst, dst_owner, "dst")
        source, source_owner = operand(src, src_owner, "src")
        for address in (target, source):
            if machine.operand(address, size) is None:
                raise cuda_error(
                    "CUDA_ERROR_INVALID_VALUE", "a node copies memory of the host that is not pinned"
                )
        return cls(machine, target, source, size, (target_owner, source_owner))

    def enqueue(self, stream: Stream) -> None:
        stream._enqueue(copy_task(self.machine, self.target, self.source, self.size))

    def accesses(self) -> Sequence[Access]:
        return copy_accesses(self.machine, self.target, self.source, self.size)


@dataclass(frozen=True)
class FillWork(Work):
    """Elements that are set."""

    machine: Machine
    target: int
    pattern: bytes
    width: int
    height: int
    pitch: int
    owner: object

    @classmethod
    def of(
        cls, machine: Machine, dst: Any, pattern: bytes, width: int, height: int, pitch: int, owner: object
    ) -> FillWork:
        machine.current_context()
        target, kept = operand(dst, owner, "dst")
        if height != 1 and pitch < width * len(pattern):
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", "rows lie closer than they are long")
        machine.operand(target, (height - 1) * pitch + width * len(pattern))
        return cls(machine, target, pattern, width, height, pitch, kept)

    def enqueue(self, stream: Stream) -> None:
        size = self.width * len(self.pattern)
        for row in range(self.height):
            stream._enqueue(fill_task(self.machine, self.target + row * self.pitch, size, self.pattern))

    def accesses(self) -> Sequence[Access]:
        rows = [self.target + row * self.pitch for row in range(self.height)]
        size = self.width * len(self.pattern)
        return [
            access for row in rows for access in fill_task(self.machine, row, size, self.pattern).accesses
        ]


@dataclass(frozen=True)
class CallbackWork(Work):
    """A call of a function of the host, which must not use the device."""

    machine: Machine
    function: Callable[[], object]

    def enqueue(self, stream: Stream) -> None:
        stream._enqueue(Task(self._run))

    def _run(self) -> None:
        with self.machine.calling_back():
            self.function()


@dataclass(frozen=True)
class RecordWork(Work):
    """An event that is recorded."""

    event: Event

    def enqueue(self, stream: Stream) -> None:
        stream._record(self.event)


@dataclass(frozen=True)
class WaitWork(Work):
    """An event that is waited for."""

    event: Event

    def enqueue(self, stream: Stream) -> None:
        stream.wait(self.event)


@dataclass(frozen=True)
class Plan(Work):
    """The works of a graph, each with the numbers of those that it comes after; as a work, an embedded graph."""

    machine: Machine
    works: tuple[Work, ...]
    after: tuple[frozenset[int], ...]
    nodes: tuple[object, ...]
    """What they were in the definition."""

    def enqueue(self, stream: Stream) -> None:
        for number in self.ordered():
            self.works[number].enqueue(stream)

    def like(self, other: Work) -> bool:
        return (
            isinstance(other, Plan)
            and self.after == other.after
            and all(a.like(b) for a, b in zip(self.works, other.works, strict=True))
        )

    def accesses(self) -> Sequence[Access]:
        return [access for work in self.works for access in work.accesses()]

    def check(self) -> None:
        """Refuse dependencies in a circle, and two nodes that need one and have none."""
        for work in self.works:
            if isinstance(work, Plan):
                work.check()
        try:
            found = conflict_in_graph([work.accesses() for work in self.works], self.after)
        except ValueError as error:
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", str(error)) from None
        if self.machine.races and found is not None:
            raise self.machine.misuse(found)

    def ordered(self) -> list[int]:
        """An order that the dependencies allow: first the latest node that may run, later times any."""
        launches = self.machine.graph_launches
        draw = random.Random(f"{self.machine.seed} {launches}")
        waiting, ordered = dict(enumerate(self.after)), list[int]()
        done = set[int]()
        while waiting:
            ready = [number for number, before in waiting.items() if before <= done]
            chosen = draw.choice(ready) if launches else ready[-1]
            del waiting[chosen]
            done.add(chosen)
            ordered.append(chosen)
        return ordered


def operand(given: Any, owner: object, side: str) -> tuple[int, object]:
    """The address of an operand, and what the node keeps alive: the memory of a buffer, not the buffer."""
    if isinstance(given, Buffer):
        if owner is not None:
            raise ValueError(f"{side}_owner cannot be used when {side} is a Buffer")
        return given.handle, _kept(given)
    return int(given), _kept(owner)


def _kept(owner: object) -> Pointer | object:
    if not isinstance(owner, Buffer):
        return owner
    owner._open()
    return owner._pointer or owner._owner
