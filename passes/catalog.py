"""Every pass of Pullback. A new pass is one import and one row here; every tool and list finds it."""

from __future__ import annotations

from xdsl.passes import ModulePass

from pullback.passes.gradients.aggregate import AggregateGradients
from pullback.passes.gradients.gate import GateGradients
from pullback.passes.gradients.generate import GenerateGradients
from pullback.passes.kernels.program import LowerToKernels
from pullback.passes.levels import VerifyLevel
from pullback.passes.loops.lower import LowerToLoops
from pullback.passes.schedule.form_kernels import FormKernels
from pullback.passes.schedule.plan_memory import PlanMemory
from pullback.passes.simplify.canonicalize import Canonicalize
from pullback.passes.simplify.cse import CommonSubexpressions
from pullback.passes.simplify.dce import DeadCode
from pullback.passes.simplify.inline_calls import InlineCalls
from pullback.passes.simplify.merge_loops import MergeLoops
from pullback.passes.simplify.specialize import SpecializeShapes

PASSES: tuple[type[ModulePass], ...] = (
    InlineCalls,
    GenerateGradients,
    AggregateGradients,
    GateGradients,
    MergeLoops,
    Canonicalize,
    CommonSubexpressions,
    DeadCode,
    SpecializeShapes,
    FormKernels,
    PlanMemory,
    LowerToLoops,
    LowerToKernels,
    VerifyLevel,
)
