"""What failed on a device, and what to say of it: CUDA reports most failures later, and without a name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pullback.backends.cuda_runtime.commands import Command, CommandQueue
from pullback.backends.cuda_runtime.cuda_error import CudaError, first_line
from pullback.backends.cuda_runtime.device_segment import DeviceSegment

ONE_BY_ONE = "PULLBACK_CUDA_SYNC"
"""The environment variable that has the host wait after each command, where it is 1."""
RECENT = 32
"""How many commands and segments a queue remembers, at most."""
NAMED = 12
"""How many commands a message names, at most."""


@dataclass(frozen=True)
class Enqueued:
    """A command or a segment, and the step that enqueued it."""

    item: Command | DeviceSegment
    owner: object
    step: str
    """The step in messages."""

    @property
    def commands(self) -> Sequence[Command]:
        return self.item.commands if isinstance(self.item, DeviceSegment) else (self.item,)


class RememberingQueue(CommandQueue, Protocol):
    """A queue that remembers the latest of what was enqueued and not waited for."""

    @property
    def recent(self) -> Iterable[Enqueued]: ...


class DeviceFailures:
    """The failures of a queue."""

    def __init__(self, queue: RememberingQueue) -> None:
        self._queue = queue
        self._lost: str | None = None
        self._beside: list[DeviceFailures] = []

    def stand_beside(self, other: DeviceFailures) -> None:
        """Notes that devices wait for each other, so that each finds what fails on the other one."""
        self._beside.append(other)
        other._beside.append(self)

    @property
    def is_lost(self) -> bool:
        """Whether everything fails on the device from now on."""
        return self._lost is not None

    def refuse(self) -> None:
        """Raises CudaError if the device is lost."""
        if self._lost is not None:
            raise CudaError(
                f"{self._queue.name} is lost in this process, with the variables on it, since an earlier failure "
                f"there ({self._lost}): start a new process"
            )

    def refused(self, error: Exception, work: Enqueued) -> CudaError:
        """The error for work that CUDA did not take."""
        lost = self._lost_one(error)
        if lost is not None:
            return lost._sticky(error)
        if isinstance(work.item, DeviceSegment):
            return self._found_again([work], error)
        return self._named(work.item, work.step, error)

    def found_waiting(self, error: Exception, owner: object) -> CudaError:
        """The error for what was found when the host waited."""
        lost = self._lost_one(error)
        if lost is not None:
            return lost._sticky(error)
        again = [
            work
            for work in self._queue.recent
            # What the host allocated for a while may be gone; what segments use stays as long as their program.
            if isinstance(work.item, DeviceSegment) and work.owner is owner
        ]
        return self._found_again(again, error)

    def _lost_one(self, error: Exception) -> DeviceFailures | None:
        """The failures of a device that is lost, if one is: this one, or one that it waits for."""
        return next((each for each in (self, *self._beside) if not each._survived(error)), None)

    def _survived(self, error: Exception) -> bool:
        try:
            self._queue.stream.sync()
        except Exception:
            self._lost = first_line(error)
            return False
        return True

    def _found_again(self, works: Sequence[Enqueued], error: Exception) -> CudaError:
        """Runs segments again, command by command, until one fails."""
        for work in works:
            for command in work.commands:
                try:
                    command.enqueue(self._queue)
                    self._queue.stream.sync()
                except Exception as again:
                    if not self._survived(again):
                        return self._lost_by(command, work.step, again)
                    return self._named(command, work.step, again)
        return CudaError(
            f"{self._queue.name} reports: {first_line(error)}. {self._suspects()} Run one by one, none of them fails"
        )

    def _named(self, command: Command, step: str, error: Exception) -> CudaError:
        return CudaError(
            f"{self._queue.name} fails in {step}: {first_line(error)}: {command}",
            None if command.op is None else command.op,
        )

    def _lost_by(self, command: Command, step: str, error: Exception) -> CudaError:
        return CudaError(
            f"{self._named(command, step, error)}. The device is lost in this process, with the variables on it: "
            "start a new one",
            command.op,
        )

    def _sticky(self, error: Exception) -> CudaError:
        recent = list(self._queue.recent)
        if len(recent) == 1 and len(recent[0].commands) == 1:
            return self._lost_by(recent[0].commands[0], recent[0].step, error)
        return CudaError(
            f"{self._queue.name} reports: {first_line(error)}. {self._suspects()} The device is lost in this process, "
            f"with the variables on it: start a new one, with {ONE_BY_ONE}=1 in its environment to wait after each "
            "command and learn which one it is"
        )

    def _suspects(self) -> str:
        """What may have failed: the latest that was enqueued and not waited for."""
        recent = list(self._queue.recent)
        named = [(work.step, str(command)) for work in recent for command in work.commands]
        if not named:
            return "Nothing of this process was enqueued there."
        steps = " and ".join(dict.fromkeys(step for step, _ in named))
        commands = list(dict.fromkeys(text for _, text in named))
        left = len(commands) - NAMED
        more = f"\n  and {left} more" if left > 0 else ""
        listed = "".join(f"\n  {text}" for text in commands[-NAMED:])
        return f"It is one of these commands of {steps}:{listed}{more}\n"
