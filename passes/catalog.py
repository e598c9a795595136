"""Every pass of Pullback. A new pass is one import and one row here; every tool and list finds it."""

from __future__ import annotations

from xdsl.passes import ModulePass

from pullback.passes.gradients.aggregate import AggregateGradients
from pullback.passes.gradients.gate import GateGradients
from pullback.passes.gradients.generate import GenerateGradients
from pullback.passes.levels import VerifyLevel

PASSES: tuple[type[ModulePass], ...] = (
    GenerateGradients,
    AggregateGradients,
    GateGradients,
    VerifyLevel,
)
