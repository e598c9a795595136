"""Verification of the parameters tuned for GPUs: each has bounds, and says something to the kernel's kind."""

from __future__ import annotations

from dataclasses import fields

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.passes.kernels.check.schedule_error import ScheduleError, is_power_of_two
from pullback.passes.lowering.kinds import TABLE, Lowering

THREADS = (32, 1024)
"""Threads in a block on GPUs: from one warp to as many as every device takes."""


def check_gpu_tuning(kernel: Kernel, schedule: Schedule) -> None:
    """Checks `gpu = {…}` of a schedule.

    Raises:
        ScheduleError: a number is out of its bounds, or the lowering of the kind does not read a key.
    """
    _check_keys(kernel, schedule)
    threads = schedule.gpu.threads
    if threads is not None and not is_power_of_two(threads, *THREADS):
        raise ScheduleError(
            f"threads is {threads}; expected a power of two from {THREADS[0]} to {THREADS[1]}", kernel
        )


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
