"""Lowers a finished graph for a target: by passes of a user, then by the rest of the target's own pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.copying import copy_module
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import tracing_copies
from pullback.driver.run_pipeline import checks_of, lowered_to, passes_left, run_trusted
from pullback.driver.targets.target import Target
from pullback.passes.pipeline.levels import LevelName
from pullback.passes.pipeline.print_pipeline import pipeline_text
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.pipeline.verify_level import level_of

ON_TENSORS: tuple[LevelName, ...] = ("graph", "kernels")
"""The levels from which a target's pipeline leads on; a target without a pipeline runs both."""


class PipelineEndError(DiagnosticError, ValueError):
    """The passes of a user end at a level that the target does not go through."""


def lowered_for(
    static: ModuleOp, target: Target, passes: Sequence[ModulePass] = (), level: LevelName | None = None
) -> ModuleOp:
    """A copy of a finished graph, lowered for a target; the graph itself where no pass does so.

    Args:
        static: of level `graph` or `kernels`, and of static shapes where the target needs them.
        target: what is lowered for.
        passes: what runs first; each is verified, and the target's own passes lead on from the level they end at.
        level: the level to stop at; without it, what the target runs.

    Raises:
        PipelineEndError: the passes end at a level that the target does not go through, or do not check `level`.
    """
    if not passes:
        return lowered_to(static, target.pipeline, level) if target.passes else static
    copy = copy_module(static)
    checks = checks_of(passes)
    with tracing_copies(static, copy):
        if level is not None and level in checks:
            run_passes(context(), copy, passes[: checks[level] + 1])
            return copy
        run_passes(context(), copy, passes)
        end = level_of(copy)
        if end == _run_by(target) and level in (None, end):
            return copy
        if end in ON_TENSORS:
            if target.passes:
                run_trusted(copy, passes_left(copy, target.pipeline, level))
            return copy
        if level is not None and end in target.levels:
            raise PipelineEndError(
                f"pipeline '{pipeline_text(passes)}' does not say where it reaches level '{level}': put "
                f"verify-level{{level={level}}} there"
            )
        raise PipelineEndError(
            _wrong_end(passes, "no one level" if end is None else f"level '{end}'", target), copy
        )


def check_end(passes: Sequence[ModulePass], target: Target) -> None:
    """Raises `GraphError` if the last level that passes check is none that the target goes through."""
    last = list(checks_of(passes))[-1:]
    if last and last[0] not in (*ON_TENSORS, *target.levels):
        raise GraphError(_wrong_end(passes, f"level '{last[0]}'", target))


def _run_by(target: Target) -> LevelName:
    return target.levels[-1] if target.levels else "graph"


def _wrong_end(passes: Sequence[ModulePass], end: str, target: Target) -> str:
    expected = " or ".join(dict.fromkeys([*ON_TENSORS, *target.levels]))
    return (
        f"pipeline '{pipeline_text(passes)}' ends at {end}, which target '{target.name}' does not run: expected it to "
        f"end at {expected}"
    )
