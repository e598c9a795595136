"""The tuning of scatter kernels: which method a shape gets, and what a hand-written schedule may say."""

from __future__ import annotations

from dataclasses import replace

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.op.indexed import Scatter
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.lowering.kernel_kind import of_rows
from pullback.passes.lowering.space import schedule_of

THREADS = 256
CHUNK = 32
"""How many rows one thread adds up. With a few thousand elements for a block, 2^20 of them keep 128 blocks busy."""
MIN_CHUNK = 4
"""Of a chunk two sums are left: shorter ones would leave as much as there was."""
KEY_BYTES = 8


def tune_scatter(kernel: Kernel) -> Schedule:
    """The schedule with all parameters; few rows are not worth sorting."""
    schedule = schedule_of(kernel)
    given = schedule.gpu
    count = max(rows[0] for rows, _ in of_rows(kernel.body.block))
    method = given.method or ("sorted" if count > CHUNK else "in_order")
    chunk = given.chunk
    if chunk is None and method == "sorted" and _adds_up(kernel):
        chunk = CHUNK
    return replace(schedule, gpu=replace(given, method=method, threads=given.threads or THREADS, chunk=chunk))


def check_scatter(kernel: Kernel, shared_bytes: int = SHARED_BYTES) -> None:
    """Whether the method can do what the schedule says.

    Raises:
        DiagnosticError: it cannot, or a parameter says nothing to it.
    """
    tuning = tune_scatter(kernel).gpu
    assert tuning.threads is not None
    if tuning.method == "sorted" and tuning.threads * KEY_BYTES > shared_bytes:
        raise DiagnosticError(
            f"{tuning.threads} threads sort keys in {tuning.threads * KEY_BYTES} bytes of shared memory; expected at "
            f"most {shared_bytes}: take fewer threads, or method = in_order",
            kernel,
        )
    if tuning.chunk is None:
        return
    if tuning.method != "sorted" or not _adds_up(kernel):
        raise DiagnosticError(
            "chunk says nothing here: only sorted rows that add up are added in chunks; remove it", kernel
        )
    if tuning.chunk < MIN_CHUNK:
        raise DiagnosticError(f"chunk is {tuning.chunk}; expected {MIN_CHUNK} rows or more", kernel)


def _adds_up(kernel: Kernel) -> bool:
    """Tells whether rows of one index add up, in one output at least."""
    return any(isinstance(op, Scatter) and op.ADDS_UP for op in kernel.body.block.ops)
