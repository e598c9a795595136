"""Every pass of Pullback. A new pass is one import and one row here; every tool and list finds it."""

from __future__ import annotations

from xdsl.passes import ModulePass

from pullback.passes.calls.inline_calls import InlineCalls
from pullback.passes.gpu.lower_to_gpu import LowerToGpu
from pullback.passes.gradients.aggregate_gradients import AggregateGradients
from pullback.passes.gradients.gate_gradients import GateGradients
from pullback.passes.gradients.generate_gradients import GenerateGradients
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import PlanMemory
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.passes.pipeline.verify_level import VerifyLevel
from pullback.passes.shapes.specialize_shapes import SpecializeShapes
from pullback.passes.simplify.canonicalize import Canonicalize
from pullback.passes.simplify.cse import CommonSubexpressions
from pullback.passes.simplify.dce import DeadCode
from pullback.passes.simplify.merge_loops import MergeLoops

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
    LowerToGpu,
    VerifyLevel,
)
