"""The text of level 5 as targets of `pullback-opt -t`: LLVM IR for the CPU, CUDA C++ for the GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

from pullback.passes.levels import verify_level

# A backend is imported when its target is asked for: every start of every tool would pay for it.


@dataclass(frozen=True)
class LLVMIR(Target):
    """LLVM IR of a module of level `loops`, as the CPU backend compiles it."""

    name = "llvm-ir"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from pullback.backends.cpu.printer import print_llvm

        verify_level(module, "loops")
        output.write(print_llvm(module))


@dataclass(frozen=True)
class CUDACpp(Target):
    """CUDA C++ of the kernels in a module of level `gpu`, as NVRTC compiles it."""

    name = "cuda-cpp"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from pullback.backends.cuda.source import cuda_source

        verify_level(module, "gpu")
        output.write(cuda_source(module))


# xDSL has a target `llvm` of its own, and one name for two targets would stop `xdsl-opt` from starting.
TARGETS: tuple[type[Target], ...] = (LLVMIR, CUDACpp)
