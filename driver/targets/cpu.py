"""Target `cpu`: level `loops` as native code, which is kept for later processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.driver.targets.native_function import NativeFunction, compiled
from pullback.driver.targets.target import ProgramToKeep, Target, Text
from pullback.passes.lowering.support import KERNEL_DTYPES
from pullback.passes.pipeline.pipelines import OptionValue

# LLVM takes a while to load: what needs it imports the CPU backend when the target is first used.

Array = npt.NDArray[Any]


def _kept(program: ProgramToKeep) -> NativeFunction:
    from pullback.driver.targets.kept_function import kept_function

    return kept_function(program)


def _run_on_memory(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    from pullback.backends.cpu.runtime import compile_module

    compile_module(module, entry)(*buffers)


def _of_this_machine() -> Mapping[str, OptionValue]:
    from pullback.backends.cpu.machine import host_fmas_per_cycle, host_vector_bits

    return {
        "vector-bits": host_vector_bits(),
        "fmas-per-cycle": host_fmas_per_cycle(),
        "dtypes": tuple(map(str, KERNEL_DTYPES)),
    }


def _llvm_ir(module: ModuleOp) -> str:
    from pullback.backends.cpu.llvm.printer import print_llvm

    return print_llvm(module)


CPU = Target(
    name="cpu",
    meaning="native code for this machine, compiled by LLVM",
    passes="kernels,loops",
    capabilities=_of_this_machine,
    executor=compiled,
    debug_executor=compiled,
    kept_executor=_kept,
    texts=(
        Text(
            name="llvm",
            level="loops",
            printed=_llvm_ir,
            format="llvm-ir",
            meaning="LLVM IR of a module of level `loops`, as the CPU backend compiles it.",
        ),
    ),
    run_on_memory=_run_on_memory,
)
