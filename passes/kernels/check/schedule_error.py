"""The error for schedules that do not fit their kernels, and what several checks of them ask."""

from __future__ import annotations

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError


class ScheduleError(DiagnosticError):
    """A schedule that does not fit its kernel."""

    def __init__(self, message: str, kernel: Kernel) -> None:
        super().__init__(f"schedule: {message}", kernel)


def is_power_of_two(number: int, least: int, most: int) -> bool:
    """Tells whether a number between two bounds is a power of two."""
    return least <= number <= most and not number & (number - 1)
