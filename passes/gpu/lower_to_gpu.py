"""`lower-to-gpu`: from level `kernels` with its memory plan to GPU kernels and their host function, level `gpu`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.passes import ModulePass

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.upstream.gpu import ModuleOp as GpuModuleOp
from pullback.passes.gpu.gpu_kernel import KERNELS
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.gpu.two_memories import TwoMemories
from pullback.passes.kernels.check.verify_kernels import verify_scheduled
from pullback.passes.lowering.lower_functions import lower_functions
from pullback.passes.lowering.lowered_kernels import LOWERED, SHARED


@dataclass(frozen=True)
class LowerToGpu(ModulePass):
    """Lower each function of level `kernels` to a host function that launches kernels of one `gpu.module`.

    Kernels that differ in nothing but their names and buffers are one function.
    """

    name = "lower-to-gpu"
    lowered = LOWERED
    shared = SHARED

    shared_bytes: int = SHARED_BYTES
    """The shared memory that a block may have, in bytes."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.shared_bytes < 0:
            raise DiagnosticError(
                f"lower-to-gpu: shared-bytes is {self.shared_bytes}; expected 0 or more", op
            )
        verify_scheduled(op, "gpu", shared_bytes=self.shared_bytes)
        kernels = partial(gpu_kernels, shared_bytes=self.shared_bytes)
        functions = lower_functions(op, kernels, TwoMemories)
        device = GpuModuleOp(KERNELS, [kernel for function in functions for kernel in function.kernels])
        hosts = [
            made
            for function in functions
            for made in (*function.constants, *function.host_functions, function.main)
        ]
        op.body.block.add_ops([device, *hosts])
        op.attributes["gpu.container_module"] = UnitAttr()
