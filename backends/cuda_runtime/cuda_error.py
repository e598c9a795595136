"""`CudaError`: what goes wrong on a device, or in asking for it."""

from __future__ import annotations

from pullback.dialects.ir.diagnostics import DiagnosticError


class CudaError(DiagnosticError, RuntimeError):
    """A device cannot do what a step asks of it; the message names what, and with which shapes."""
