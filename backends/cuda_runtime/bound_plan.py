"""A plan for memory at given addresses: what is static is known, and each segment has its commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pullback.backends.cuda_runtime.commands import Command, CopyCommand
from pullback.backends.cuda_runtime.dependencies import overlap
from pullback.backends.cuda_runtime.described_memory import range_of
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.backends.cuda_runtime.device_segment import DeviceSegment
from pullback.backends.interpreter.compiled_blocks import Environment
from pullback.backends.interpreter.run_memory import Array

Copies = Sequence[tuple[CopyCommand, DeviceQueue]]
"""Copies at the begin or at the end of a program, each with its queue."""
Issued = tuple[Command, DeviceQueue]


@dataclass(frozen=True)
class Replay:
    """A segment on one device, and the variables that it changes."""

    segment: DeviceSegment
    queue: DeviceQueue
    changes: tuple[str, ...]


@dataclass(frozen=True)
class BoundPlan:
    """What a program runs when its arguments are here."""

    environment: Environment
    """The static values; a run begins with a copy."""
    replays: tuple[tuple[Replay, ...], ...]
    """For each segment what it replays, in this order."""
    variables: Mapping[str, Array]


def replays_of(issued: Sequence[Issued], variables: Mapping[str, Array]) -> tuple[Replay, ...]:
    """Commands in the order of the text, as segments of one device each.

    Where a device goes on with what another one made, the segments of both end: an event stands between them.
    """
    done: list[Replay] = []
    open_: dict[DeviceQueue, list[Command]] = {}

    def close(queue: DeviceQueue) -> None:
        if commands := open_.pop(queue, None):
            segment = DeviceSegment(commands)
            done.append(Replay(segment, queue, _changed(segment, variables)))

    for command, queue in issued:
        others = [
            other
            for other, commands in open_.items()
            if other is not queue and DeviceSegment(commands).conflicts(command)
        ]
        for other in others:
            close(other)
        if others:
            close(queue)
        open_.setdefault(queue, []).append(command)
    for queue in list(open_):
        close(queue)
    return tuple(done)


def _changed(segment: DeviceSegment, variables: Mapping[str, Array]) -> tuple[str, ...]:
    return tuple(
        name
        for name, array in variables.items()
        if any(overlap(range_of(array), written) for written in segment.writes)
    )
