"""The registry of passes, and every pass of Pullback: a new one is one row here.

Every tool and list asks the registry, which has the passes of plug-ins, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from xdsl.passes import ModulePass

from pullback.process.registries import Registry

OURS: Mapping[str, tuple[str, str]] = {
    "inline-calls": ("calls.inline_calls", "InlineCalls"),
    "generate-gradients": ("gradients.generate_gradients", "GenerateGradients"),
    "aggregate-gradients": ("gradients.aggregate_gradients", "AggregateGradients"),
    "gate-gradients": ("gradients.gate_gradients", "GateGradients"),
    "merge-loops": ("simplify.merge_loops", "MergeLoops"),
    "canonicalize": ("simplify.canonicalize", "Canonicalize"),
    "cse": ("simplify.cse", "CommonSubexpressions"),
    "dce": ("simplify.dce", "DeadCode"),
    "specialize-shapes": ("shapes.specialize_shapes", "SpecializeShapes"),
    "batch-products": ("recurrences.batch_products", "BatchProducts"),
    "stacks-to-rows": ("recurrences.stacks_to_rows", "StacksToRows"),
    "hoist-invariants": ("recurrences.hoist_invariants", "HoistInvariants"),
    "block-rows": ("row_blocks.block_rows", "BlockRows"),
    "place-devices": ("placement.place_devices", "PlaceDevices"),
    "form-kernels": ("kernels.form.form_kernels", "FormKernels"),
    "plan-memory": ("kernels.memory.plan_memory", "PlanMemory"),
    "lower-to-loops": ("loops.lower_to_loops", "LowerToLoops"),
    "lower-to-gpu": ("mixed.lower_to_gpu", "LowerToGpu"),
    "verify-level": ("pipeline.verify_level", "VerifyLevel"),
    "snapshot-op-locations": ("pipeline.snapshot_op_locations", "SnapshotOpLocations"),
}
"""Every pass by name, in the order in which programs meet them: its module in `pullback.passes`, and its class.

A pass is imported when a pipeline names it: a program for the CPU loads no lowering for GPUs.
"""

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
    """The factory of a pass that is imported when it is asked for."""

    module: str
    name: str

    def __call__(self) -> type[ModulePass]:
        return getattr(import_module(self.module), self.name)


PASSES: Registry[Callable[[], type[ModulePass]]] = Registry("pass", "passes")
"""The passes by name: ours, and those of plug-ins."""

for _name, (_module, _class) in OURS.items():
    PASSES.add(_name, LazyPass(f"pullback.passes.{_module}", _class))
PASSES.add("check-gradients", LazyPass("pullback.driver.checking.check_gradients", "CheckGradients"))
PASSES.seal()
