"""Leads a module to another level: by the named pipelines down to level `graph`, and by a target's below it."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp, TensorType

from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.types import is_static
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.module_functions import functions_of
from pullback.driver.run_pipeline import function_named, has_kernels, passes_left, run_pipeline, run_trusted
from pullback.driver.targets.registry import target_named, targets
from pullback.driver.targets.target import Target
from pullback.passes.pipeline.levels import LEVELS, LevelName
from pullback.passes.pipeline.verify_level import level_of
from pullback.passes.shapes.specialize_shapes import Shape, specialize


class LoweringError(DiagnosticError, ValueError):
    """No pipeline leads from the level of a module to the one asked for."""


def to_level(
    module: ModuleOp,
    level: LevelName,
    target: str | None = None,
    shapes: Sequence[Shape | None] | None = None,
    function: str = "main",
) -> None:
    """Rewrites a module to a level further down, by the pipelines that lead there; one that is there stays.

    Schedules and a memory plan that are there stay as they are: someone may have edited them.

    Args:
        module: of any level; where an error is raised it may be half rewritten.
        level: the level that it shall be of.
        target: whose pipeline leads below level `graph`; the first that goes through the level unless given.
        shapes: for the levels below `graph`, one for each argument of the function; `None` for one that its type says.
        function: the one that the shapes are for.

    Raises:
        LoweringError: the level is above that of the module or on another branch, or shapes are missing.
        DiagnosticError: what a pass says of the program, such as a missing rule.
        ValueError: the target, the function or the level is not known, or the target does not go through the level.
    """
    if level not in LEVELS:
        raise ValueError(f"level {level!r} is not known: expected one of {', '.join(LEVELS)}")
    here = level_of(module)
    if here == level:
        return
    if here is None:
        raise LoweringError("the module is of no one level: it mixes operations or types of several", module)
    way = ("request", "gradients", "graph", "kernels")
    if here not in way or (level in way and way.index(level) < way.index(here)):
        raise LoweringError(f"the module is of level '{here}', from which no pass leads to '{level}'", module)
    leading = None if level in ("gradients", "graph") else _leading_to(level, target)
    if here == "request":
        run_pipeline(module, "gradients")
    if level != "gradients" and here in ("request", "gradients"):
        run_pipeline(module, "finish")
    if leading is not None:
        _specialize(module, level, shapes, function)
        run_trusted(module, passes_left(module, leading.pipeline, level))


def _leading_to(level: LevelName, name: str | None) -> Target:
    """The target of this name, or the first that goes through a level."""
    through = {t.name: t for t in targets().values() if level in t.levels}
    chosen = next(iter(through), None) if name is None else target_named(name).name
    if chosen not in through:
        those = ", ".join(through) or "none"
        raise LoweringError(
            f"target '{chosen}' does not go through level '{level}'; these targets do: {those}"
        )
    return through[chosen]


def _specialize(module: ModuleOp, level: str, shapes: Sequence[Shape | None] | None, function: str) -> None:
    """Makes the shapes of a graph static, where some are given; else they must be so."""
    if has_kernels(module):  # they were formed for static shapes
        return
    if shapes is not None:
        specialize(function_named(module, function), shapes)
        run_pipeline(module, "simplify")
        return
    for argument in (a for f in functions_of(module).values() for a in f.body.block.args):
        if isinstance(argument.type, TensorType) and not is_static(argument.type):
            raise LoweringError(
                f"'{name_of_value(argument)}' is {argument.type}, and shapes at level '{level}' are static: give "
                "shapes, one for each argument",
                argument.owner.parent_op(),
            )
