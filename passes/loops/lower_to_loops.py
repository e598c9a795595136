"""`lower-to-loops`: from level `kernels` with its memory plan to loops over memory in upstream dialects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.graph.kernel.argument_roles import DEVICES
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.check.verify_kernels import verify_scheduled
from pullback.passes.loops.linear_algebra.native_operations import NativeOperations
from pullback.passes.loops.loop_kernels import loop_kernel
from pullback.passes.lowering.lower_functions import lower_functions
from pullback.passes.lowering.lowered_kernels import LOWERED, SHARED
from pullback.passes.lowering.vector_registers import (
    FMAS_PER_CYCLE,
    check_fmas_per_cycle,
    check_vector_bits,
)


@dataclass(frozen=True)
class LowerToLoops(ModulePass):
    """Lower each function of level `kernels` to a host function and private functions for its kernels.

    Kernels that differ in nothing but their names and buffers are one function.
    """

    name = "lower-to-loops"
    lowered = LOWERED
    shared = SHARED

    vector_bits: int = 512
    """The width of a vector register in bits, a power of two from 64 on. The machine is not asked."""
    fmas_per_cycle: int = FMAS_PER_CYCLE
    """How many FMAs of such vectors begin in a cycle. The machine is not asked."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        check_vector_bits(self.vector_bits, op)
        check_fmas_per_cycle(self.fmas_per_cycle, op)
        for function in op.ops:
            if DEVICES in function.attributes:
                raise DiagnosticError(
                    "lower-to-loops: the program is placed on devices, which loops do not know: run lower-to-gpu, "
                    "or run place-devices{device=cpu} on the graph first",
                    function,
                )
        checked = verify_scheduled(op, "cpu")
        lower = partial(
            loop_kernel, vector_bits=self.vector_bits, fmas=self.fmas_per_cycle, models=checked.models
        )
        native = partial(NativeOperations, self.vector_bits)
        for function in lower_functions(op, lower, checked.structures, native=native):
            made = [*function.constants, *function.host_functions, *function.kernels, function.main]
            op.body.block.add_ops(made)
