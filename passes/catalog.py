"""Every pass of Pullback. A new pass is one import and one row here; every tool and list finds it."""

from __future__ import annotations

from xdsl.passes import ModulePass

from pullback.passes.levels import VerifyLevel

PASSES: tuple[type[ModulePass], ...] = (VerifyLevel,)
