"""Limits of GPUs: the check of level `kernels` asks for them before a kernel is lowered for GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import MemRefType

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.line import LineEmitter
from pullback.passes.gpu.line_kernel import LinePlan, reductions_in, stored_by_lines
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.nodes import Reduce
from pullback.passes.lowering.space import Space, schedule_of

SHARED_BYTES = 48 << 10
"""The shared memory that every device gives a block without being asked."""


def check_lines(kernel: Kernel, shared_bytes: int = SHARED_BYTES) -> None:
    """Whether a block has the shared memory for the reductions of its lines, and totals are formed apart.

    Args:
        kernel: of rows or columns.
        shared_bytes: the shared memory that a block may have.

    Raises:
        DiagnosticError: it has not, or an output needs a total over all lines and one across them.
    """
    plan, space = _plan_of(kernel)
    across = next((group for group in plan.totals if group.name == "across"), None)
    if across is not None and reductions_in(across.outputs, space).single:
        raise DiagnosticError("totals over all lines and across them are used together", kernel)
    if any(needed > shared_bytes for needed in shared_memory(kernel)):
        raise DiagnosticError(
            f"the reductions of the kernel need more than {shared_bytes} bytes of shared memory: form fewer in "
            "one kernel, or by fewer threads",
            kernel,
        )


def shared_memory(kernel: Kernel) -> list[int]:
    """The shared memory that a block needs, of the kernel for the lines, and of those for the totals."""
    plan, space = _plan_of(kernel)
    formed: list[tuple[LineEmitter, int, Sequence[Reduce]]] = [
        (plan.emitter, prod(space.reduce), plan.reductions.along),
        *((group.emitter, prod(space.parallel), group.nodes) for group in plan.totals),
    ]
    threads = schedule_of(kernel).gpu.threads
    return [
        sum(
            bytes_of(MemRefType(n.element_type, [emitter.shared(threads or emitter.threads(points))]))
            for n in nodes
        )
        for emitter, points, nodes in formed
    ]


def _plan_of(kernel: Kernel) -> tuple[LinePlan, Space]:
    model = KernelModel.of(kernel, schedule_of(kernel))
    return LinePlan.of(model.space, stored_by_lines(model.space, model.outputs)), model.space
