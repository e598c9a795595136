"""The passes that tools know, with the limit on operations that a command line gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xdsl.passes import ModulePass

from pullback.passes.pipeline import pipelines
from pullback.passes.pipeline.pipelines import PassFactories
from pullback.passes.rewriting.limits import MAX_OPERATIONS


def own_passes() -> PassFactories:
    """Our passes and those of plug-ins by name."""
    return pipelines.own_passes()


def available_passes() -> PassFactories:
    """Our passes, those of plug-ins, and those that come with xDSL, by name."""
    return pipelines.available_passes()


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
