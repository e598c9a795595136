"""`CudaError`: what goes wrong on a device, or in asking for it."""

from __future__ import annotations

from pullback.dialects.ir.diagnostics import DiagnosticError


class CudaError(DiagnosticError, RuntimeError):
    """A device cannot do what a step asks of it; the message names what, with which shapes, and what to do."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
