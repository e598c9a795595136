"""When devices have read the inputs of a call that does not wait for its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pullback.backends.cuda_runtime.device_queue import DeviceQueue


class InputReads:
    """An event on each device, behind the copies of the inputs of the latest call."""

    def __init__(self) -> None:
        self._events: dict[DeviceQueue, Any] = {}
        self._pending: set[DeviceQueue] = set()

    def begin(self, queues: Iterable[DeviceQueue]) -> None:
        """Notes that the copies were enqueued just now."""
        for queue in dict.fromkeys(queues):
            self._events[queue] = queue.stream.record(self._events.get(queue))
            self._pending.add(queue)

    def wait(self) -> None:
        """Waits until the memory that is copied from may change."""
        for queue in list(self._pending):
            try:
                self._events[queue].sync()
            except Exception:
                queue.synchronize()  # which says what failed
                raise
            self._pending.discard(queue)
