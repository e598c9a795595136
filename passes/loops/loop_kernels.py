"""Kernels as functions of loops: the lowering is chosen by the kind that the schedule names."""

from __future__ import annotations

from collections.abc import Callable

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.loops.columns import lower_columns
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.matrix_product import lower_matmul
from pullback.passes.loops.pointwise import lower_pointwise
from pullback.passes.loops.rows import lower_rows
from pullback.passes.loops.scatter import lower_scatter
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.space import schedule_of

LOWERINGS: dict[str, Callable[[KernelFunction], None]] = {
    "pointwise": lower_pointwise,
    "rows": lower_rows,
    "columns": lower_columns,
    "concat": lower_pointwise,
    "matmul": lower_matmul,
    "scatter": lower_scatter,
}


def loop_kernel(signature: Signature, vector_bits: int) -> LoweredKernel:
    """The function of a kernel.

    Raises DiagnosticError where the kernel has no schedule, or one that does not fit what it computes.
    """
    schedule = schedule_of(signature.kernel)
    lowering = LOWERINGS.get(schedule.kind)
    if lowering is None:
        raise DiagnosticError(
            f"no kernel of kind '{schedule.kind}' on the CPU: expected one of {', '.join(LOWERINGS)}",
            signature.kernel,
        )
    kernel = KernelFunction(signature, schedule, vector_bits)
    lowering(kernel)
    return kernel.finish()
