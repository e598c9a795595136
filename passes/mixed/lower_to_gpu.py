"""`lower-to-gpu`: from level `kernels` with its memory plan to GPU kernels and their host function, level `gpu`."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.passes import ModulePass

from pullback.dialects.graph.tensor.device import HOST
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.upstream.gpu import ModuleOp as GpuModuleOp
from pullback.passes.gpu.device_memories import DeviceMemories
from pullback.passes.gpu.gpu_kernel import KERNELS
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.kernels.check.verify_kernels import verify_scheduled
from pullback.passes.loops.loop_kernels import loop_kernel
from pullback.passes.lowering.lower_functions import lower_functions
from pullback.passes.lowering.lowered_kernels import LOWERED, SHARED, LoweredKernel, Signature
from pullback.passes.lowering.vector_registers import (
    FMAS_PER_CYCLE,
    check_fmas_per_cycle,
    check_vector_bits,
)


@dataclass(frozen=True)
class LowerToGpu(ModulePass):
    """Lower each function of level `kernels` to a host function that launches kernels of one `gpu.module`.

    Kernels of the host, in a program over several devices, become private functions of loops, as at level loops.
    Kernels that differ in nothing but their names and buffers are one function.
    """

    name = "lower-to-gpu"
    lowered = LOWERED
    shared = SHARED

    shared_bytes: int = SHARED_BYTES
    """The shared memory that a block may have, in bytes."""
    vector_bits: int = 512
    """The width of a vector register of the host in bits, a power of two from 64 on. The machine is not asked."""
    fmas_per_cycle: int = FMAS_PER_CYCLE
    """How many FMAs of such vectors begin in a cycle. The machine is not asked."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.shared_bytes < 0:
            raise DiagnosticError(
                f"lower-to-gpu: shared-bytes is {self.shared_bytes}; expected 0 or more", op
            )
        check_vector_bits(self.vector_bits, op)
        check_fmas_per_cycle(self.fmas_per_cycle, op)
        checked = verify_scheduled(op, "gpu", shared_bytes=self.shared_bytes)
        functions = lower_functions(op, self._kernel, checked.structures, DeviceMemories)
        kernels = [kernel for function in functions for kernel in function.kernels]
        launched = [kernel for kernel in kernels if not isinstance(kernel, func.FuncOp)]
        op.body.block.add_op(GpuModuleOp(KERNELS, launched))
        for function in functions:
            called = [kernel for kernel in function.kernels if isinstance(kernel, func.FuncOp)]
            op.body.block.add_ops([*function.constants, *function.host_functions, *called, function.main])
        op.attributes["gpu.container_module"] = UnitAttr()

    def _kernel(self, signature: Signature) -> LoweredKernel:
        if signature.device == HOST:
            return loop_kernel(signature, vector_bits=self.vector_bits, fmas=self.fmas_per_cycle)
        return gpu_kernels(signature, shared_bytes=self.shared_bytes)
