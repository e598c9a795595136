"""A `graph.kernel` as GPU kernels: the table of kinds names the lowering of each.

A lowering is given the parameters of the kernels, the iteration space, and the outputs, whose buffers are numbers of
parameters; it makes kernels that are launched one after the other.
"""

from __future__ import annotations

from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import TABLE, lowering
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.product_order import in_product_order
from pullback.passes.lowering.space import schedule_of


def gpu_kernels(signature: Signature, shared_bytes: int = SHARED_BYTES) -> LoweredKernel:
    """Makes the GPU kernels of a `graph.kernel` that the check of level `kernels` has found means for.

    A block may have so much shared memory.
    """
    schedule = schedule_of(signature.kernel)
    model = KernelModel.of(signature.kernel, schedule)
    if TABLE[schedule.kind].has_tiles:
        model = in_product_order(model)
    parameters = Parameters(signature, shared_bytes)
    for load in model.loads:
        load.argument = parameters.input(load.argument)
    for output in model.outputs:
        output.result = parameters.output(output.result)
    kernels = lowering(schedule.kind, "gpu")(parameters, model.space, model.outputs)
    return LoweredKernel(kernels, parameters.arguments())
