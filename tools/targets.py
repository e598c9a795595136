"""The text of level 5 as targets of `pullback-opt -t`: LLVM IR for the CPU, CUDA C++ for the GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.targets.mlir import MLIRTarget
from xdsl.utils.lexer import Input, Span
from xdsl.utils.target import Target

from pullback.passes.pipeline.levels import verify_level
from pullback.passes.pipeline.pipeline_text import PipelineError, parse_specs

# A backend is imported when its target is asked for: every start of every tool would pay for it.


@dataclass(frozen=True)
class LLVMIR(Target):
    """LLVM IR of a module of level `loops`, as the CPU backend compiles it."""

    name = "llvm-ir"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from pullback.backends.cpu.llvm.printer import print_llvm

        verify_level(module, "loops")
        output.write(print_llvm(module))


@dataclass(frozen=True)
class CUDACpp(Target):
    """CUDA C++ of the kernels in a module of level `gpu`, as NVRTC compiles it."""

    name = "cuda-cpp"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        from pullback.backends.cuda.program_source import cuda_source

        verify_level(module, "gpu")
        output.write(cuda_source(module))


# xDSL has a target `llvm` of its own, and one name for two targets would stop `xdsl-opt` from starting.
TARGETS: tuple[type[Target], ...] = (LLVMIR, CUDACpp)


def target_named(text: str) -> Target:
    """The target that a text names, `llvm-ir` or `mlir{print_debuginfo=true}`.

    xDSL has more of them, for dialects of which our levels are no programs.

    Raises:
        PipelineError: for another name or wrong options, at its place in the text.
    """
    known: dict[str, type[Target]] = {cls.name: cls for cls in (MLIRTarget, *TARGETS)}
    specs = parse_specs(text, "<target>")
    if len(specs) != 1:
        raise PipelineError(
            f"expected one of {', '.join(known)}", Span(0, max(1, len(text)), Input(text, "<target>"))
        )
    ((spec, span),) = specs
    if spec.name not in known:
        raise PipelineError(f"unknown target '{spec.name}'; expected one of {', '.join(known)}", span)
    try:
        return known[spec.name].from_spec(spec)
    except (ValueError, TypeError) as error:
        raise PipelineError(f"target '{spec.name}': {error}", span) from None
