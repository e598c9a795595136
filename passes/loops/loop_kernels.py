"""Kernels as functions of loops: the table of kinds names the lowering of each."""

from __future__ import annotations

from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.lowering.kinds import lowering
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.space import schedule_of


def loop_kernel(signature: Signature, vector_bits: int) -> LoweredKernel:
    """The function of a kernel that `verify-level{level=kernels}` has checked."""
    schedule = schedule_of(signature.kernel)
    kernel = KernelFunction(signature, schedule, vector_bits)
    lowering(schedule.kind, "cpu")(kernel)
    return kernel.finish()
