"""Kernels as functions of loops: the table of kinds names the lowering of each."""

from __future__ import annotations

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import lowering
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.space import schedule_of
from pullback.passes.lowering.vector_registers import FMAS_PER_CYCLE


def loop_kernel(
    signature: Signature,
    vector_bits: int,
    models: dict[Kernel, KernelModel] | None = None,
    fmas: int = FMAS_PER_CYCLE,
) -> LoweredKernel:
    """The function of a kernel that `verify-level{level=kernels}` has checked.

    Its model may be known from there; it is taken out, since the lowering changes it.
    """
    schedule = schedule_of(signature.kernel)
    model = models.pop(signature.kernel, None) if models is not None else None
    model = KernelModel.of(signature.kernel, schedule) if model is None else model
    kernel = KernelFunction(signature, schedule, model, vector_bits, fmas)
    lowering(schedule.kind, "cpu")(kernel)
    return kernel.finish()
