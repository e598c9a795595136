"""`lower-to-loops`: from level `kernels` with its memory plan to loops over memory in upstream dialects."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.check.verify_kernels import verify_scheduled
from pullback.passes.loops.loop_kernels import loop_kernel
from pullback.passes.lowering.host import Host
from pullback.passes.lowering.lowered_kernels import LoweredKernels


@dataclass(frozen=True)
class LowerToLoops(ModulePass):
    """Lower each function of level `kernels` to a host function and private functions for its kernels.

    Kernels that differ in nothing but their names and buffers are one function.
    """

    name = "lower-to-loops"

    vector_bits: int = 512
    """The width of a vector register in bits, a power of two from 64 on. The machine is not asked."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        bits = self.vector_bits
        if bits < 64 or bits & (bits - 1):
            raise DiagnosticError(f"vector-bits is {bits}; expected a power of two from 64 on", op)
        verify_scheduled(op, "cpu")
        block = op.body.block
        lowered: list[Operation] = []
        for function in list(block.ops):
            if not isinstance(function, func.FuncOp) or not function.body.blocks:
                raise DiagnosticError(
                    f"'{function.name}' has no place in a module of level `kernels`", function
                )
            kernels = LoweredKernels(lambda signature: loop_kernel(signature, bits))
            host = Host(function, kernels)
            main = host.lower()
            lowered += [*host.memory.globals, *host.host_functions, *kernels.operations, main]
        for function in list(block.ops):
            function.detach()
            function.erase()
        block.add_ops(lowered)
