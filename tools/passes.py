"""The passes that tools know: those of the compiler, and those that run programs, which stand above it."""

from __future__ import annotations

from functools import partial

from xdsl.passes import ModulePass

from pullback.driver.checking.check_pass import CheckGradients
from pullback.passes import pipelines
from pullback.passes.pipelines import PassFactories

RUNNING: tuple[type[ModulePass], ...] = (CheckGradients,)


def own_passes() -> PassFactories:
    """Our passes by name."""
    return {**pipelines.own_passes(), **{cls.name: partial(_identity, cls) for cls in RUNNING}}


def available_passes() -> PassFactories:
    """Our passes and those that come with xDSL, by name."""
    return {**pipelines.available_passes(), **own_passes()}


def _identity(cls: type[ModulePass]) -> type[ModulePass]:
    return cls
