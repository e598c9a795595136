"""The passes that tools know: those of the compiler, and those of the driver, which run programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from xdsl.passes import ModulePass

from pullback.driver.checking.check_gradients import CheckGradients
from pullback.passes.pipeline import pipelines
from pullback.passes.pipeline.pipelines import PassFactories
from pullback.passes.rewriting.limits import MAX_OPERATIONS

RUNNING: tuple[type[ModulePass], ...] = (CheckGradients,)


def own_passes() -> PassFactories:
    """Our passes by name."""
    return {**pipelines.own_passes(), **{cls.name: partial(_identity, cls) for cls in RUNNING}}


def available_passes() -> PassFactories:
    """Our passes and those that come with xDSL, by name."""
    return {**pipelines.available_passes(), **own_passes()}


def with_limit(passes: Sequence[ModulePass], max_operations: int | None) -> tuple[ModulePass, ...]:
    """The passes, those that have a limit on operations with this one in place of the default."""
    if max_operations is None:
        return tuple(passes)
    return tuple(
        replace(p, max_operations=max_operations)  # pyright: ignore[reportCallIssue]
        if getattr(p, "max_operations", None) == MAX_OPERATIONS
        else p
        for p in passes
    )


def _identity(cls: type[ModulePass]) -> type[ModulePass]:
    return cls
