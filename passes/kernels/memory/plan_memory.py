"""`plan-memory`: chooses a buffer for every value outside of kernels.

In this order: variables (`updates`), outputs, values that loops carry and results in place of operands (`reuse`), and
what remains in the arena of its device (`arena`). What shares memory is on one device: a kernel finds its operands on
its own, and a loop what it carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.kernel.arenas import state_arenas
from pullback.dialects.graph.kernel.buffer import BufferAttr, MemorySpace
from pullback.dialects.graph.kernel.check_placement import check_placement
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import is_spread
from pullback.dialects.graph.state.control_flow import While
from pullback.passes.kernels.memory.arena import aligned, allocate
from pullback.passes.kernels.memory.lifetimes import Lifetimes, Storage, makes_values
from pullback.passes.kernels.memory.reports import hazards_report, memory_report, show
from pullback.passes.kernels.memory.reuse import replace_operands, share_carried
from pullback.passes.kernels.memory.updates import Finding, place_variables
from pullback.passes.lowering.in_place import unchanged_kernels
from pullback.passes.rewriting.statistic import Statistic, is_counting


@dataclass(frozen=True)
class PlanMemory(ModulePass):
    """Give every tensor outside of kernels a buffer: an output, a variable's memory, or a part of its device's arena.

    Options: `report=memory` prints the peak of each arena and what lies where and how long, `report=hazards` which
    reads and updates of variables were proved to need no copy, copies to other devices being uses, both on standard
    error.
    """

    name = "plan-memory"
    anchor = "func.func"
    buffers = Statistic("buffers that were planned", by="memory")
    arena_bytes = Statistic("bytes of the arenas")
    saved_by_sharing = Statistic("bytes that buffers share in arenas, as they are needed at different times")
    saved_in_place = Statistic("bytes of results that are written over an operand")
    variables = Statistic("reads and updates of variables", by="whether they copy")

    report: Literal["none", "memory", "hazards"] = "none"

    @property
    def only_rewrites(self) -> bool:
        """Whether running it leaves nothing but the program."""
        return self.report == "none"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp) and function.body.blocks:
                check_placement(function)
                plan = plan_function(function)
                if is_counting():
                    self._count(plan)
                if self.report == "memory":
                    show(memory_report(function, plan.lives, plan.arenas))
                elif self.report == "hazards":
                    show(hazards_report(function, plan.lives, plan.findings))

    def _count(self, plan: Plan) -> None:
        apart = 0
        for storage in plan.lives.storages:
            if storage.buffer is not None:
                self.buffers.add(kind=storage.buffer.kind.value)
                apart += aligned(storage.size) if storage.buffer.kind is MemorySpace.ARENA else 0
        arenas = sum(plan.arenas.values())
        self.arena_bytes.add(arenas)
        self.saved_by_sharing.add(apart - arenas)
        self.saved_in_place.add(sum(s.size for s in plan.lives.coalesced))
        for finding in plan.findings:
            self.variables.add(kind="copied" if finding.copies else "in place")


@dataclass(frozen=True)
class Plan:
    """The storages of a function, each with its buffer, and what was found out about its variables."""

    lives: Lifetimes
    findings: list[Finding]
    arenas: Mapping[str | None, int]
    """Bytes by device; None stands for that of a program that names none."""


def plan_function(function: func.FuncOp) -> Plan:
    """Writes `memory` on every operation whose results need buffers, and the arenas on the function."""
    lives = Lifetimes(function.body.block)
    findings = place_variables(lives)
    place_outputs(function, lives)
    with unchanged_kernels():
        for op in lives.ops:
            if isinstance(op, While):
                share_carried(op, lives)
        for op in lives.ops:
            if isinstance(op, Kernel):
                replace_operands(op, lives)
    arenas = place_in_arenas(function, lives)
    for op in lives.ops:
        if makes_values(op):
            op.attributes["memory"] = ArrayAttr([_buffer(value, lives) for value in op.results])
    state_arenas(function, arenas)
    return Plan(lives, findings, arenas)


def _buffer(value: SSAValue, lives: Lifetimes) -> BufferAttr:
    storage = lives.of(value)
    return BufferAttr.none() if storage is None or storage.buffer is None else storage.buffer


def place_in_arenas(function: func.FuncOp, lives: Lifetimes) -> dict[str | None, int]:
    """Gives what has no buffer yet a part of the arena of its device; returns the bytes of each arena."""
    open_: dict[str | None, list[Storage]] = {} if is_spread(function) else {None: []}
    for storage in lives.storages:
        if storage.buffer is None:
            open_.setdefault(storage.device, []).append(storage)
    arenas: dict[str | None, int] = {}
    for device, storages in open_.items():
        offsets, arenas[device] = allocate(storages)
        for storage, offset in offsets.items():
            storage.buffer = BufferAttr.arena(offset)
    return arenas


def place_outputs(function: func.FuncOp, lives: Lifetimes) -> None:
    """Computes what a function returns in its output, unless it is in a buffer already: then it is copied."""
    last = function.body.block.last_op
    for number, value in enumerate(last.operands if last is not None else ()):
        storage = lives.of(value)
        if storage is not None and storage.buffer is None:
            storage.buffer = BufferAttr.output(number)
