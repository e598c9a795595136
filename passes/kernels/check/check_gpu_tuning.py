"""Verification of the parameters tuned for GPUs: each has bounds, and says something to the kernel's kind.

Here are the bounds that hold for every kind. What a parameter must be for the accesses of one kernel is for the check
of its kind to say, which comes later: `Lowering.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning, Schedule
from pullback.passes.kernels.check.schedule_error import ScheduleError, is_power_of_two
from pullback.passes.lowering.kernel_kind import Lowering
from pullback.passes.lowering.kinds import TABLE


@dataclass(frozen=True)
class Bounds:
    """The numbers that a parameter may be, or each of a list."""

    least: int
    most: int
    is_power: bool = False
    """Whether powers of two alone will do."""

    def allow(self, number: int) -> bool:
        if self.is_power:
            return is_power_of_two(number, self.least, self.most)
        return self.least <= number <= self.most

    def __str__(self) -> str:
        return f"a {'power of two' if self.is_power else 'number'} from {self.least} to {self.most}"


BOUNDS: Mapping[str, Bounds] = {
    "threads": Bounds(32, 1024, is_power=True),
    "vector": Bounds(1, 16, is_power=True),
    "lanes": Bounds(1, 1024, is_power=True),
    "rows": Bounds(1, 1024),
    "chunk": Bounds(1, (1 << 31) - 1),
    "split": Bounds(1, (1 << 16) - 1),
    "tile": Bounds(1, 1024),
}
"""The bounds of parameters that are numbers. A block has from one warp to as many threads as every device takes, and a
grid no more than 65535 blocks in y."""


def check_gpu_tuning(kernel: Kernel, schedule: Schedule) -> None:
    """Checks `gpu = {…}` of a schedule.

    Raises:
        ScheduleError: a number is out of its bounds, or the lowering of the kind does not read a key.
    """
    _check_keys(kernel, schedule)
    _check_numbers(kernel, schedule.gpu)
    _check_words(kernel, schedule.gpu)
    _check_stage(kernel, schedule.gpu.stage or ())
    lanes, threads = schedule.gpu.lanes, schedule.gpu.threads
    if lanes is not None and threads is not None and lanes > threads:
        raise ScheduleError(f"lanes is {lanes}; expected at most {threads}, the threads of a block", kernel)


def _check_keys(kernel: Kernel, schedule: Schedule) -> None:
    """Refuses keys that the lowering of this kind would ignore."""
    entry = TABLE[schedule.kind].targets["gpu"]
    if not isinstance(entry, Lowering):
        return
    for key in fields(schedule.gpu):
        if getattr(schedule.gpu, key.name) != key.default and key.name not in entry.keys:
            expected = f"expected one of {', '.join(entry.keys)}" if entry.keys else "remove it"
            raise ScheduleError(
                f"{key.name} says nothing to kind '{schedule.kind}' on GPUs; {expected}", kernel
            )


def _check_numbers(kernel: Kernel, tuning: GpuTuning) -> None:
    for key, bounds in BOUNDS.items():
        value: int | tuple[int, ...] | None = getattr(tuning, key)
        numbers = value if isinstance(value, tuple) else () if value is None else (value,)
        if not all(map(bounds.allow, numbers)):
            each = f"for each {bounds}" if isinstance(value, tuple) else str(bounds)
            shown = list(value) if isinstance(value, tuple) else value
            raise ScheduleError(f"{key} is {shown}; expected {each}", kernel)


def _check_words(kernel: Kernel, tuning: GpuTuning) -> None:
    """Refuses words that only Python could have put there: text is checked where it is parsed."""
    for key in fields(tuning):
        word, words = getattr(tuning, key.name), key.metadata.get("words")
        if words and word is not None and word not in words:
            raise ScheduleError(f"{key.name} is {word}; expected one of {', '.join(words)}", kernel)


def _check_stage(kernel: Kernel, stage: tuple[int, ...]) -> None:
    count = len(kernel.operands)
    if list(stage) != sorted(set(stage)) or not all(0 <= number < count for number in stage):
        raise ScheduleError(
            f"stage is {list(stage)}; expected numbers of inputs in rising order, each below {count}", kernel
        )
