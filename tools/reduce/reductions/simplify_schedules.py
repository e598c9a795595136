"""Removes memory plans, and what schedules leave to lowerings: tuned parameters, then schedules themselves."""

from __future__ import annotations

from dataclasses import fields, replace

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.dialects.graph.kernel.arenas import ARENA, MEMORY, has_plan
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import TARGETS, ScheduleAttr
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, functions_in


def _plans(module: ModuleOp) -> list[Edit]:
    def of(function: Operation) -> Edit:
        def edit() -> None:
            for op in function.walk():
                op.attributes.pop(MEMORY, None)
                op.attributes.pop(ARENA, None)

        return edit

    return [of(f) for f in functions_in(module) if has_plan(f)]


def _parameters(module: ModuleOp) -> list[Edit]:
    def of(op: Kernel, target: str, name: str) -> Edit:
        def edit() -> None:
            if op.schedule is not None:
                schedule = op.schedule.data
                tuning = getattr(schedule, target)
                default = {field.name: field.default for field in fields(tuning)}[name]
                changed = {target: replace(tuning, **{name: default})}
                op.properties["schedule"] = ScheduleAttr(replace(schedule, **changed))

        return edit

    return [
        of(op, target, field.name)
        for op in module.walk()
        if isinstance(op, Kernel) and op.schedule is not None
        for target, tuning in TARGETS.items()
        for field in fields(tuning)
        if getattr(getattr(op.schedule.data, target), field.name) not in (None, ())
    ]


PLANS = ReductionKind("remove memory plans", _plans)
PARAMETERS = ReductionKind("remove parameters of schedules", _parameters)
