"""Limits the size of programs: calls and gradients can expand a few lines of text beyond any memory."""

from __future__ import annotations

from xdsl.ir import Operation

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within

MAX_OPERATIONS = 1_000_000
"""The limit where no option gives another."""


class SizeError(DiagnosticError):
    """A program would become larger than the limit on operations."""


def too_large(what: str, limit: int, op: Operation) -> SizeError:
    """The error at the operation that exceeds the limit; `what` is the pass or the tool that reports it."""
    return SizeError(
        f"{what}: the program becomes larger than {limit} operations, which is the limit; allow more with the option "
        "max-operations of the pass, or --max-operations of a tool",
        op,
    )


class Budget:
    """Counts the operations that a pass adds to a module.

    Args:
        what: the pass.
        limit: how many operations there may be at most.
        module: what is there already.

    Raises:
        DiagnosticError: for a limit below 1.
    """

    def __init__(self, what: str, limit: int, module: Operation) -> None:
        self._what = what
        self._limit = checked_limit(what, limit, module)
        self._count = len(operations_within(module))

    def spend(self, made: Operation, about: Operation) -> None:
        """Counts an operation, and those in its regions.

        Raises:
            SizeError: at `about`, for which it was made, when there are too many.
        """
        self._count += 1 if not made.regions else sum(1 for _ in made.walk())
        if self._count > self._limit:
            raise too_large(self._what, self._limit, about)


def checked_limit(what: str, limit: int, module: Operation) -> int:
    """Checks a limit: `DiagnosticError` for one below 1."""
    if limit < 1:
        raise DiagnosticError(f"{what}: max-operations is {limit}; expected 1 or more", module)
    return limit
