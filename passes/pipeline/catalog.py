"""The registry of passes, and every pass of Pullback: a new one is one import and one row here.

Every tool and list asks the registry, which has the passes of plug-ins, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from xdsl.passes import ModulePass

from pullback.passes.calls.inline_calls import InlineCalls
from pullback.passes.gradients.aggregate_gradients import AggregateGradients
from pullback.passes.gradients.gate_gradients import GateGradients
from pullback.passes.gradients.generate_gradients import GenerateGradients
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import PlanMemory
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.passes.mixed.lower_to_gpu import LowerToGpu
from pullback.passes.pipeline.snapshot_op_locations import SnapshotOpLocations
from pullback.passes.pipeline.verify_level import VerifyLevel
from pullback.passes.placement.place_devices import PlaceDevices
from pullback.passes.recurrences.batch_products import BatchProducts
from pullback.passes.recurrences.hoist_invariants import HoistInvariants
from pullback.passes.shapes.specialize_shapes import SpecializeShapes
from pullback.passes.simplify.canonicalize import Canonicalize
from pullback.passes.simplify.cse import CommonSubexpressions
from pullback.passes.simplify.dce import DeadCode
from pullback.passes.simplify.merge_loops import MergeLoops
from pullback.process.registries import Registry

OURS: tuple[type[ModulePass], ...] = (
    InlineCalls,
    GenerateGradients,
    AggregateGradients,
    GateGradients,
    MergeLoops,
    Canonicalize,
    CommonSubexpressions,
    DeadCode,
    SpecializeShapes,
    BatchProducts,
    HoistInvariants,
    PlaceDevices,
    FormKernels,
    PlanMemory,
    LowerToLoops,
    LowerToGpu,
    VerifyLevel,
    SnapshotOpLocations,
)

PassFactories = Mapping[str, Callable[[], type[ModulePass]]]
"""Passes by name, imported when asked for; the form in which xDSL lists its own."""


@dataclass(frozen=True)
class PassClass:
    """The factory of a pass whose class is at hand."""

    holds: type[ModulePass]

    def __call__(self) -> type[ModulePass]:
        return self.holds


@dataclass(frozen=True)
class LazyPass:
    """The factory of a pass that is imported when it is asked for: the catalog lies below it."""

    module: str
    name: str

    def __call__(self) -> type[ModulePass]:
        return getattr(import_module(self.module), self.name)


PASSES: Registry[Callable[[], type[ModulePass]]] = Registry("pass", "passes")
"""The passes by name: ours, and those of plug-ins."""

for _cls in OURS:
    PASSES.add(_cls.name, PassClass(_cls))
PASSES.add("check-gradients", LazyPass("pullback.driver.checking.check_gradients", "CheckGradients"))
PASSES.seal()
