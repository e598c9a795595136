"""Runs pipelines on copies of modules, and looks up functions of a module by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.arenas import has_plan
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.copying import copy_module
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.dialects.ir.source import tracing_copies
from pullback.passes.calls.inline_calls import inline_calls
from pullback.passes.pipeline.levels import LevelName
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.pipeline.verify_level import VerifyLevel


def lowered(module: ModuleOp, pipeline: str) -> ModuleOp:
    """A copy of a module after the passes of a pipeline's text."""
    copy = copy_module(module)
    run_pipeline(copy, pipeline)
    return copy


def run_pipeline(module: ModuleOp, pipeline: str) -> None:
    """Rewrite a module in place by the passes of a pipeline's text."""
    run_trusted(module, parse_passes(pipeline))


def lowered_to(static: ModuleOp, pipeline: str, level: LevelName | None = None) -> ModuleOp:
    """A copy of a module of static shapes, of level `graph` or `kernels`, after a target's pipeline.

    Schedules and a memory plan that are there stay as they are: someone may have edited them.

    Args:
        static: the module.
        pipeline: text that leads from level `graph` down.
        level: the level of the pipeline after which to stop; without it, the whole pipeline runs.
    """
    passes = passes_left(static, pipeline, level)
    copy = copy_module(static)
    with tracing_copies(static, copy):
        run_trusted(copy, passes)
    return copy


def passes_left(static: ModuleOp, pipeline: str, level: LevelName | None = None) -> Sequence[ModulePass]:
    """The passes of a target's pipeline that a module has not been through, as far as a level; see `lowered_to`."""
    passes = parse_passes(pipeline)
    at = checks_of(passes)
    functions = (op for op in static.ops if isinstance(op, func.FuncOp))
    start = at.get("kernels", 0) if any(map(has_plan, functions)) else 0
    return passes[start:] if level is None else passes[start : at[level] + 1]


def checks_of(passes: Iterable[ModulePass]) -> dict[LevelName, int]:
    """Where each level is checked among passes, by the position of its `verify-level`."""
    return {pass_.level: at for at, pass_ in enumerate(passes) if isinstance(pass_, VerifyLevel)}


def run_trusted(module: ModuleOp, passes: Iterable[ModulePass]) -> None:
    """Rewrites a module in place by passes of ours, without verifying what each leaves."""
    # Named pipelines end in the check of their level: once is enough here, passes have tests of their own.
    run_passes(context(), module, passes, verify_each=False)


def has_kernels(module: ModuleOp) -> bool:
    """Tells whether a module is at level `kernels` already."""
    return bool(operations_of_class(Kernel, module))


def leave_main(module: ModuleOp) -> None:
    """Leaves `@main` alone in a module, with what it calls in place of the calls."""
    inline_calls(module)
    main = main_function(module)
    for op in list(module.ops):
        if op is not main:
            op.detach()
            op.erase()


def main_function(module: ModuleOp) -> func.FuncOp:
    """The function `@main` of a module; `ValueError` if it has none."""
    return function_named(module, "main")


def function_named(module: ModuleOp, name: str) -> func.FuncOp:
    """The function of a module that has this name; `ValueError` if there is none."""
    for op in module.ops:
        if isinstance(op, func.FuncOp) and op.sym_name.data == name:
            return op
    raise ValueError(f"the module has no function @{name}")
