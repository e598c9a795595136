"""The check of rows and columns for GPUs: what a schedule says of them fits, and a block has the shared memory."""

from __future__ import annotations

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.gpu_limits import MOST_THREADS, SHARED_BYTES
from pullback.passes.gpu.kernel_builder import WARP
from pullback.passes.gpu.lines.line_plan import LinePlan
from pullback.passes.gpu.lines.line_tuning import row_mapping
from pullback.passes.gpu.lines.line_vectors import MOST_BYTES, obstacles
from pullback.passes.gpu.lines.mappings import LineMappings
from pullback.passes.lowering.long_sums import BLOCK
from pullback.passes.lowering.outputs import RowUpdate
from pullback.passes.lowering.space import schedule_of

MOST_KEPT = 64
"""The most elements of a row that each of its threads keeps: each is code of its own."""


def check_lines(kernel: Kernel, shared_bytes: int = SHARED_BYTES) -> None:
    """Checks a kernel of rows or columns, each of whose parameters is in its bounds.

    Args:
        kernel: whose schedule was checked.
        shared_bytes: the shared memory that a block may have.

    Raises:
        DiagnosticError: parameters do not fit each other or the extents, or a block has not enough shared memory.
    """
    last = kernel.body.block.last_op
    if last is not None and any(RowUpdate.of(value) is not None for value in last.operands):
        raise DiagnosticError("a kernel of rows updates no table here: expected a scatter of its own", kernel)
    tuning = schedule_of(kernel).gpu
    plan = LinePlan.of_kernel(kernel, schedule_of(kernel))
    points = plan.points.size
    if tuning.split is not None and tuning.split > max(points, 1):
        raise _misfit(
            kernel, f"split is {tuning.split}, of lines of {points} elements; expected at most as many"
        )
    for obstacle in obstacles(plan, tuning.vector or 1):
        fits = [
            n for n in (1, 2, 4, 8) if n < (tuning.vector or 1) and not any(True for _ in obstacles(plan, n))
        ]
        expected = " or ".join(map(str, fits))
        raise _misfit(kernel, f"vector is {tuning.vector}, but {obstacle}; expected {expected}")
    if not plan.space.reduces_leading:
        _check_rows(kernel, plan, tuning)
    needed = max(LineMappings(plan, tuning).shared_bytes())
    if needed > shared_bytes:
        raise DiagnosticError(
            f"the reductions of the kernel need {needed} bytes of shared memory, and a block has {shared_bytes}: "
            "expected fewer threads",
            kernel,
        )


def _check_rows(kernel: Kernel, plan: LinePlan, given: GpuTuning) -> None:
    mapping = row_mapping(plan, given)
    lanes, rows, threads = mapping.lanes, mapping.rows, mapping.threads
    if threads % WARP or not 0 < threads <= MOST_THREADS or given.threads not in (None, threads):
        stated = "" if given.threads is None else f" and threads is {given.threads}"
        raise _misfit(
            kernel,
            f"lanes {lanes} times rows {rows} are {threads} threads{stated}; expected the threads of a block, a "
            f"multiple of {WARP} up to {MOST_THREADS}",
        )
    if mapping.split > 1 and (rows != 1 or mapping.chunk != 1 or mapping.keeps):
        raise _misfit(
            kernel,
            f"split is {mapping.split}, with rows = {rows}, chunk = {mapping.chunk}, keep = {given.keep or 'none'}; "
            "expected rows = 1, chunk = 1 and keep = none where rows are split",
        )
    if (
        plan.reductions.across
        and not mapping.keeps
        and mapping.chunk > BLOCK
        and mapping.vector > MOST_BYTES // 8
    ):
        raise _misfit(
            kernel,
            f"vector is {mapping.vector}, and totals across {mapping.chunk} rows are in memory in f64; expected at "
            f"most {MOST_BYTES // 8}, keep = registers, or a chunk of at most {BLOCK}",
        )
    kept = -(-plan.points.size // lanes)
    if mapping.keeps and kept > MOST_KEPT:
        raise _misfit(
            kernel,
            f"keep is registers, and each of {lanes} lanes has {kept} of {plan.points.size} elements; expected at "
            f"most {MOST_KEPT}: more lanes, or keep = none",
        )


def _misfit(kernel: Kernel, what: str) -> DiagnosticError:
    return DiagnosticError(f"schedule: {what}", kernel)
