"""From a graph as it was built to each level below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.driver.copying import copy_module
from pullback.passes.calls.inline_calls import inline_calls
from pullback.passes.kernels.check.check_memory import has_plan
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run import run_passes

IRLevel = Literal["gradients", "graph", "kernels", "loops", "llvm", "gpu", "cuda"]
"""What a compiled program can show: as built, finished, scheduled, CPU loops, LLVM IR, GPU kernels, CUDA C++."""

Shapes: TypeAlias = Sequence[tuple[int, ...]]
"""The shape of each input of a call."""


def lowered(module: ModuleOp, pipeline: str) -> ModuleOp:
    """A copy of a module after the passes of a pipeline's text."""
    copy = copy_module(module)
    run_pipeline(copy, pipeline)
    return copy


def main_alone(module: ModuleOp) -> ModuleOp:
    """A copy of a module that holds `@main` only, with what it calls in place of the calls."""
    copy = copy_module(module)
    inline_calls(copy)
    main = main_function(copy)
    for op in list(copy.ops):
        if op is not main:
            op.detach()
            op.erase()
    return copy


def has_kernels(module: ModuleOp) -> bool:
    """Whether a module is at level `kernels` already."""
    return any(isinstance(op, Kernel) for op in module.walk())


def lowered_to(static: ModuleOp, level: Literal["kernels", "loops", "gpu"]) -> ModuleOp:
    """A copy of a module of static shapes, of level `graph` or `kernels`, at `kernels` or one below it.

    Schedules are made for this machine.

    Schedules and a memory plan that are there stay as they are: someone may have edited them.
    """
    functions = (op for op in static.ops if isinstance(op, func.FuncOp))
    to_kernels = "verify-level{level=kernels}" if any(map(has_plan, functions)) else "kernels"
    passes = parse_passes(to_kernels if level == "kernels" else f"{to_kernels},{level}")
    if level != "gpu":
        from pullback.passes.loops.lower_to_loops import (
            host_vector_bits,  # LLVM, which not every program needs
        )

        bits = host_vector_bits()
        passes = [replace(p, vector_bits=bits) if isinstance(p, FormKernels) else p for p in passes]
    copy = copy_module(static)
    _run(copy, passes)
    return copy


def run_pipeline(module: ModuleOp, pipeline: str) -> None:
    """Rewrite a module in place by the passes of a pipeline's text."""
    _run(module, parse_passes(pipeline))


def _run(module: ModuleOp, passes: Iterable[ModulePass]) -> None:
    # Named pipelines end in the check of their level: once is enough here, passes have tests of their own.
    run_passes(context(), module, passes, verify_each=False)


def main_function(module: ModuleOp) -> func.FuncOp:
    """The function `@main` of a module; `ValueError` if it has none."""
    for op in module.ops:
        if isinstance(op, func.FuncOp) and op.sym_name.data == "main":
            return op
    raise ValueError("the module has no function @main")


def checked_level(level: str) -> None:
    """`ValueError` for an unknown level."""
    if level not in get_args(IRLevel):
        raise ValueError(f"level {level!r} is not known: expected one of {', '.join(get_args(IRLevel))}")
