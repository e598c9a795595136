"""Clocks for `gpu.py`: how long calls take, on the clock of the host and on that of a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from workload import Array, Workload

ROUND = 0.03
"""Seconds that calls are repeated for in a round, before they are waited for."""
MOST_CALLS = 200


@dataclass(frozen=True)
class Prepared:
    """A compiled workload."""

    call: Callable[[], Any]
    """Computes once; what it gives need not be there yet."""
    wait: Callable[[Any], None]
    """Waits for what the last call gave, and so for all calls before it."""
    results: list[Array]
    """Of the first call, or of the first steps: the losses, and the parameters that they lead to."""


class System(Protocol):
    """What a process computes with."""

    def prepare(self, workload: Workload) -> Prepared:
        """Compiles and runs a workload for the first time."""
        ...

    def device_seconds(self, prepared: Prepared, calls: int) -> float | None:
        """The time of the device for so many calls, which all wait there before the first begins; None: cannot tell."""
        ...

    def ceilings(self) -> dict[str, float]:
        """What the device can do at most, as this system measures it."""
        ...

    def versions(self) -> dict[str, str]:
        """Of what took part, for the record."""
        ...


@dataclass(frozen=True)
class Times:
    """Seconds of a call."""

    pace: float
    """When many follow each other, and only the last is waited for."""
    latency: float
    """When each is waited for."""
    device: float | None
    """Of the device alone, which was kept busy while the host enqueued; None where that cannot be told."""


def timed(system: System, prepared: Prepared) -> Times:
    """One round; what was compiled has run before."""
    once = _seconds(prepared, 1)
    calls = min(max(round(ROUND / max(once, 1e-7)), 1), MOST_CALLS)
    pace = _seconds(prepared, calls) / calls
    latency = statistics.median(_seconds(prepared, 1) for _ in range(min(calls, 15)))
    return Times(pace, latency, system.device_seconds(prepared, min(calls, 20)))


def _seconds(prepared: Prepared, calls: int) -> float:
    start = time.perf_counter()
    last = None
    for _ in range(calls):
        last = prepared.call()
    prepared.wait(last)
    return time.perf_counter() - start


class DeviceClock:
    """The clock of the device on which our steps run, through `cuda.core`.

    Args:
        size: bytes of a copy that fills the device's time.
        copies: so many take longer than the host needs to enqueue some calls.
    """

    def __init__(self, size: int = 1 << 30, copies: int = 100) -> None:
        from pullback.backends.cuda_runtime.device_queues import device_queue

        self._queue, self._copies = device_queue(), copies
        self._queue.enter()
        self._buffers = [self._queue.device.allocate(size, stream=self._queue.stream) for _ in range(2)]

    def wait(self) -> None:
        """Waits for all that our steps have enqueued."""
        self._queue.synchronize()

    def seconds(self, call: Callable[[], Any], calls: int) -> float | None:
        """The device's time for a call; None where a call waits for the device, or the host is too slow."""
        self._copy(self._copies)
        begin = self._record()
        for _ in range(calls):
            call()
        late = begin.is_done
        end = self._record()
        self.wait()
        return None if late else (end - begin) / 1e3 / calls

    def ceilings(self) -> dict[str, float]:
        """The bandwidth of copies, and how long it takes to begin something."""
        self._copy(1)
        self.wait()
        moved = 2 * self._buffers[0].size * self._copies
        begin = self._record()
        self._copy(self._copies)
        end = self._record()
        self.wait()
        return {"copy on the device, TB/s": moved / ((end - begin) / 1e3) / 1e12, **self._beginnings(100)}

    def _beginnings(self, count: int) -> dict[str, float]:
        module, stream = self._queue.module, self._queue.stream
        options = module.ProgramOptions(std="c++17", arch=self._queue.architecture)
        text = 'extern "C" __global__ void nothing() {}'
        kernel = module.Program(text, "c++", options).compile("cubin").get_kernel("nothing")
        config = module.LaunchConfig(grid=1, block=32)
        definition = node = module.graph.GraphDefinition()
        for _ in range(count):
            node = node.launch(config, kernel)
        graph = definition.instantiate()

        def launches() -> None:
            for _ in range(count):
                module.launch(stream, config, kernel)

        def wall(run: Callable[[], None]) -> float:
            run()
            self.wait()
            start = time.perf_counter()
            run()
            self.wait()
            return (time.perf_counter() - start) / count * 1e6

        return {
            "launch of an empty kernel, us": wall(launches),
            "node of a graph of empty kernels, us": wall(lambda: graph.launch(stream)),
        }

    def device_names(self) -> dict[str, str]:
        """What the device is called."""
        return {"device": str(self._queue.device.name), "architecture": self._queue.architecture}

    def _copy(self, count: int) -> None:
        target, source = self._buffers
        for _ in range(count):
            target.copy_from(source, stream=self._queue.stream)

    def _record(self) -> Any:
        options = self._queue.module.EventOptions(timing_enabled=True)
        return self._queue.stream.record(options=options)
