"""Compiles LLVM IR to object files: LLVM's passes, then code for this machine."""

from __future__ import annotations

from collections.abc import Sequence

import llvmlite.binding as llvm

from pullback.backends.cpu.machine import target_machine
from pullback.dialects.ir.diagnostics import DiagnosticError

# The lowering has chosen vectors, accumulators and unrolling, so LLVM is to inline, hoist and simplify. Measured
# on a softmax of 1024 x 1000 and a plain matmul of 128 cubed (ms to compile, us to run; one thread of Zen 4):
#   inlining alone           19 ms, 600 us     7 ms, 154 us    but an invariant load stays in its loop (+10 %)
#   level 1, no unrolling    31 ms, 596 us    17 ms, 153 us    chosen
#   level 1, 2 or 3          50 ms, 592 us   115 ms, 98 to 156 us
OPTIMIZATION_LEVEL = 1


class LLVMError(DiagnosticError, RuntimeError):
    """LLVM has refused the IR of a program."""


def emit_objects(texts: Sequence[str]) -> tuple[bytes, ...]:
    """The object file of each module of LLVM IR, for this machine; they are linked together, and refer to each other.

    Raises:
        LLVMError: a RuntimeError, for text that LLVM refuses.
    """
    return tuple(map(emit_object, texts))


def emit_object(text: str) -> bytes:
    """The object file of one module of LLVM IR."""
    machine = target_machine()
    try:
        module = llvm.parse_assembly(text, llvm.create_context())
    except RuntimeError as error:
        raise LLVMError(f"LLVM refuses the program: {' '.join(str(error).split())}") from error
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(OPTIMIZATION_LEVEL)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
