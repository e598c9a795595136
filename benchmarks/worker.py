"""The processes of a benchmark, one for each system, so that no allocator or thread pool stands in another's way.

A process answers requests over a pipe, one at a time: `("start", "")`, `("ceilings", "")`, `("prepare",
name)`, `("time", name)`. An answer is what was asked for, or a `Failure`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from workload import sampled


class Named(Protocol):
    """What a system may be asked for: a workload."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Failure:
    """Why a request has no answer."""

    reason: str


@dataclass(frozen=True)
class Missing(Failure):
    """What a system needs is not installed, or not there."""


class Worker:
    """A system in a process of its own.

    Args:
        system: its name.
        make: makes it, in its process, and raises where something that it needs is missing. It has `versions()`,
            `ceilings()`, `prepare(workload)`, which gives something with `results`, and `timed(prepared)`.
        workloads: lists what it may be asked for.
        log: where the process's own messages go.
    """

    def __init__(
        self, system: str, make: Callable[[], Any], workloads: Callable[[], Sequence[Named]], log: Path
    ) -> None:
        self.system = system
        context = get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there, make, workloads, str(log)), daemon=True)
        self._process.start()
        there.close()
        self._gone: Failure | None = None

    def ask(self, request: str, name: str, deadline: float) -> Any:
        """Waits for the answer until the deadline, at which the process is ended."""
        if self._gone is None:
            try:
                self._connection.send((request, name))
                if self._connection.poll(max(deadline - time.monotonic(), 0)):
                    return self._connection.recv()
                self._gone = Failure("took too long")
            except (EOFError, OSError):
                self._gone = Failure("its process has ended")
            self._process.terminate()
        return self._gone

    def close(self) -> None:
        self._process.terminate()
        self._process.join()


def serve(
    connection: Connection, make: Callable[[], Any], workloads: Callable[[], Sequence[Named]], log: str
) -> None:
    """What the process does."""
    with Path(log).open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    by_name = {workload.name: workload for workload in workloads()}
    made: Any = None
    ready: dict[str, Any] = {}
    while True:
        try:
            request, name = connection.recv()
        except EOFError:
            return
        try:
            if made is None:
                made = make()
            if request == "start":
                answer = made.versions()
            elif request == "ceilings":
                answer = made.ceilings()
            elif request == "prepare":
                ready[name] = made.prepare(by_name[name])
                answer = [sampled(result) for result in ready[name].results]
            else:
                answer = made.timed(ready[name])
        except ImportError as error:
            answer = Missing(first_line(error))
        except Exception as error:  # whatever a system says
            answer = (Missing if made is None else Failure)(first_line(error))
        connection.send(answer)


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
