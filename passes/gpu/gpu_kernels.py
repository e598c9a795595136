"""A `graph.kernel` as GPU kernels: the table of kinds names the lowering of each.

A lowering is given the parameters of the kernels, the iteration space, and the outputs, whose buffers are numbers of
parameters; it makes kernels that are launched one after the other.
"""

from __future__ import annotations

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import lowering
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.space import schedule_of

SHARED_BYTES = 48 << 10
"""The shared memory that every device gives a block without being asked."""


def gpu_kernels(signature: Signature, shared_bytes: int = SHARED_BYTES) -> LoweredKernel:
    """The GPU kernels of a `graph.kernel` that `verify-level{level=kernels target=gpu}` has checked.

    Raises DiagnosticError where a block would need more than `shared_bytes` of shared memory.
    """
    schedule = schedule_of(signature.kernel)
    model = KernelModel.of(signature.kernel, schedule)
    parameters = Parameters(signature)
    for load in model.loads:
        load.argument = parameters.input(load.argument)
    for output in model.outputs:
        output.result = parameters.output(output.result)
    kernels = lowering(schedule.kind, "gpu")(parameters, model.space, model.outputs)
    if any(kernel.shared_bytes > shared_bytes for kernel in kernels):
        raise DiagnosticError(
            f"the reductions of the kernel need more than {shared_bytes} bytes of shared memory",
            signature.kernel,
        )
    return LoweredKernel(kernels, parameters.arguments())
