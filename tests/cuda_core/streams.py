"""Streams and events: what is enqueued runs when somebody waits for it, so what comes too early shows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pullback.tests.cuda_core.errors import CUDAError, cuda_error
from pullback.tests.cuda_core.machine import Action, Bound, Context, Machine, options_of
from pullback.tests.cuda_core.ordering import Access, Clock, merge
from pullback.tests.cuda_core.recording import Waited

if TYPE_CHECKING:
    from pullback.tests.cuda_core.devices import Device


DEFAULT_STREAMS = (1, 2)
"""The handles of the default streams: of the device, and of the thread, which is the same one here."""


@dataclass
class StreamOptions:
    nonblocking: Any = True
    priority: int | None = None


@dataclass
class EventOptions:
    timing_enabled: bool | None = False
    blocking_sync: bool | None = False
    ipc_enabled: bool | None = False


@dataclass
class Task:
    """Work of a stream, and what it reads and writes."""

    run: Action
    accesses: Sequence[Access] = ()
    device: int | None = None
    """Where it runs, unless that is the device of the stream."""
    is_wait: bool = False


@dataclass
class Point:
    """What an event was recorded after, and when that was done."""

    stream: Stream
    position: int
    clock: Clock
    """What comes before it."""
    seconds: float | None = None


class Stream(Bound):
    """A queue of work on a device."""

    _context: Context
    _options: StreamOptions
    _tasks: deque[Task]
    _enqueued: int
    _done: int
    _closed: bool
    _clock: Clock
    """What comes before the next work."""

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            "Stream objects cannot be instantiated directly. "
            "Please use Device APIs (create_stream) or other Stream APIs (from_handle)."
        )

    @classmethod
    def _made(cls, context: Context, options: StreamOptions) -> Stream:
        self: Stream = object.__new__(cls)
        self._context, self._options = context, options
        self._tasks = deque()
        self._enqueued = self._done = 0
        self._closed = False
        self._clock = {}
        context.streams.append(self)  # pyright: ignore[reportArgumentType]
        return self

    @classmethod
    def _bound(cls, machine: Machine) -> dict[str, object]:
        def from_handle(handle: int) -> Stream:
            return stream_of(machine, handle)

        return {"from_handle": staticmethod(from_handle)}

    @property
    def device(self) -> Device:
        return self._machine.types["Device"](self._context.device)

    @property
    def handle(self) -> int:
        return 0 if self._closed else id(self)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def is_nonblocking(self) -> bool:
        return bool(self._options.nonblocking)

    @property
    def priority(self) -> int:
        return self._options.priority or 0

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle

    def close(self):
        """What is enqueued still runs."""
        self._closed = True

    def sync(self) -> None:
        self._open()
        self._machine.recording.records.append(Waited("stream", self._context.device))
        self._wait_for_all()

    def record(self, event: Event | None = None, options: EventOptions | None = None) -> Event:
        self._open()
        recorded: Event = event or self._machine.types["Event"]._made(self._context, options)
        self._record(recorded)
        return recorded

    def wait(self, event_or_stream: object) -> None:
        self._open()
        if isinstance(event_or_stream, Event):
            event_or_stream._open()
            point = event_or_stream._point
        elif isinstance(event_or_stream, Stream):
            event_or_stream._open()
            point = event_or_stream._now()
        else:
            raise ValueError(
                "only an Event, Stream, or object supporting __cuda_stream__ can be waited,"
                f" got {type(event_or_stream)}"
            )
        if point is not None and point.stream is not self:
            self._wait_at(point)

    def _record(self, event: Event) -> None:
        event._open()
        if event._context is not self._context:
            raise cuda_error("CUDA_ERROR_INVALID_HANDLE", "the event is another device's")
        self._enqueue(Task(lambda: pass_by()))
        event._point = point = self._now()

        def pass_by() -> None:
            point.seconds = time.perf_counter()

    # ---- what runs ----------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._closed:
            raise cuda_error("CUDA_ERROR_INVALID_HANDLE", "the stream is closed")
        self._machine.context(self._context.device)

    def _enqueue(self, task: Task) -> None:
        machine = self._machine
        with machine.lock:
            merge(self._clock, machine.ordering.host)
            if machine.races and (found := machine.ordering.conflict(task.accesses, self._clock)) is not None:
                raise machine.misuse(found)
            self._enqueued += 1
            self._clock[id(self)] = self._enqueued
            machine.ordering.note(task.accesses, id(self), self._enqueued)
            self._tasks.append(task)

    def _now(self) -> Point:
        """The point behind all that is enqueued."""
        return Point(self, self._enqueued, dict(self._clock))

    def _wait_at(self, point: Point) -> None:
        """Let what is enqueued later come after a point of another stream."""
        with self._machine.lock:
            merge(self._clock, point.clock)
            self._enqueue(Task(lambda: point.stream._run_until(point.position), is_wait=True))

    def _wait_for_all(self) -> None:
        """Let the host wait."""
        with self._machine.lock:
            self._run_until(self._enqueued)
            self._machine.ordering.host_waited(self._clock)

    def _run_until(self, position: int) -> None:
        """Run the work up to a position; raises what goes wrong, and the context fails with it."""
        with self._machine.lock:
            self._machine.context(self._context.device)
            while self._done < position:
                self._step()

    def _step(self) -> None:
        task = self._tasks.popleft()
        self._done += 1
        try:
            task.run()
        except CUDAError as error:
            if not task.is_wait:
                self._context.error = error
            if task.device is not None:
                self._machine.contexts[task.device].error = error
            raise


class Event(Bound):
    """A point in the work of a stream."""

    _context: Context
    _options: EventOptions
    _point: Point | None
    _closed: bool

    def __init__(self, *args, **kwargs):
        raise RuntimeError("Event objects cannot be instantiated directly. Please use Stream APIs (record).")

    @classmethod
    def _made(cls, context: Context, options: object) -> Event:
        self = object.__new__(cls)
        self._context = context
        self._options = options_of(EventOptions, options, "Event options")
        self._point = None
        self._closed = False
        return self

    @property
    def device(self) -> Device:
        return self._machine.types["Device"](self._context.device)

    @property
    def handle(self) -> int:
        return 0 if self._closed else id(self)

    @property
    def is_closed(self) -> bool:
        return self._closed

    @property
    def is_timing_enabled(self) -> bool:
        return bool(self._options.timing_enabled)

    @property
    def is_blocking_sync(self) -> bool:
        return bool(self._options.blocking_sync)

    @property
    def is_done(self) -> bool:
        """Whether the work is done. Each question lets the stream do one more thing, as time would."""
        self._open()
        point = self._point
        if point is None or point.stream._done >= point.position:
            self._machine.ordering.host_waited({} if point is None else point.clock)
            return True
        point.stream._run_until(point.stream._done + 1)
        return False

    def sync(self) -> None:
        self._open()
        self._machine.recording.records.append(Waited("event", self._context.device))
        if self._point is not None:
            self._point.stream._run_until(self._point.position)
            self._machine.ordering.host_waited(self._point.clock)

    def close(self):
        self._closed = True

    def __sub__(self, other: Event) -> float:
        if not (self.is_timing_enabled and other.is_timing_enabled):
            raise RuntimeError("Both Events must be created with timing enabled in order to subtract them")
        if self._point is None or other._point is None:
            raise RuntimeError("Both Events must be recorded before they can be subtracted")
        if self._point.seconds is None or other._point.seconds is None:
            raise RuntimeError("One or both events have not completed")
        return (self._point.seconds - other._point.seconds) * 1e3

    def _open(self) -> None:
        if self._closed:
            raise cuda_error("CUDA_ERROR_INVALID_HANDLE", "the event is closed")
        self._machine.context(self._context.device)


def stream_of(machine: Machine, handle: int) -> Stream:
    """The stream with a handle: one that was made, or a default stream of the current device, by its fixed handle."""
    if handle in DEFAULT_STREAMS:
        machine.current_context()
        return machine.types["Device"]().default_stream
    found = [each for context in machine.contexts for each in context.streams if each.handle == handle]
    if not found:
        raise machine.misuse(f"{handle:#x} is no stream, or one that was closed")
    return found[0]  # pyright: ignore[reportReturnType]


def accept_stream(stream: object) -> Stream:
    """A stream that is open, of a context that works."""
    if not isinstance(stream, Stream):
        raise TypeError(f"Stream or GraphBuilder expected, got {type(stream).__name__}")
    stream._open()
    return stream
