"""Prints the plan of a program for people: segments, what each command reads and writes, and what it waits for.

    segment 0 on cuda:0
      0 @main_kernel_0 writes arena[0:2048], reads x[0:2048] w[0:1024]
      1 copy arena[2048:4096] <- arena[0:2048], after 0
    host func.call @main_host_0
    scf.while
      segment 1 on cuda:0
        0 @main_kernel_1 writes arena[384:385], reads arena[0:4]

It needs no device: arguments are at addresses that nothing has. Copies of inputs and outputs join the first segment and
the last one when the program runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Block, Operation
from xdsl.traits import IsTerminator

from pullback.backends.cuda.program_source import kernel_names
from pullback.backends.cuda_runtime.bound_plan import BoundPlan, Replay
from pullback.backends.cuda_runtime.commands import Command, CopyCommand, LaunchCommand
from pullback.backends.cuda_runtime.dependencies import Range
from pullback.backends.cuda_runtime.described_memory import described
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.backends.cuda_runtime.device_segment import DeviceSegment
from pullback.backends.cuda_runtime.planned_program import PlannedProgram
from pullback.backends.cuda_runtime.segment_compiler import QUIET, HostPlan, PlannedSegment
from pullback.backends.interpreter.compiled_blocks import Step
from pullback.backends.interpreter.numpy_dtypes import dtype_of

APART = 1 << 40
"""How far arguments are from each other: none is as large."""


def plan_text(module: ModuleOp) -> str:
    """The plan of `@main` of a module of level `gpu`."""
    program = PaperProgram(module)
    (function,) = (op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == "main")
    arguments = function.body.block.args
    arrays: list[Any] = []
    for argument in arguments:
        assert isinstance(argument.type, MemRefType)
        start = APART * (argument.index + 1)
        arrays.append(described(start, argument.type.get_shape(), dtype_of(argument.type)))
    names = [argument.name_hint or f"arg{argument.index}" for argument in arguments]
    printer = PlanPrinter(program.plan, program.bind(arrays, {}), names)
    return "".join(f"{line}\n" for line in printer.lines(function.body.block))


@dataclass(frozen=True)
class PaperQueue:
    """The name of a device, in the place of its queue."""

    name: str


class PaperCode:
    """The names of kernels, in the place of their code."""

    def __init__(self, module: ModuleOp) -> None:
        self.names = kernel_names(module)

    def kernel(self, name: str, queue: object) -> Any:
        return name

    def config(self, grid: object, block: object, queue: object) -> Any:
        return grid, block


class PaperProgram(PlannedProgram):
    """A program that is planned, and does not run."""

    def __init__(self, module: ModuleOp) -> None:
        queues: dict[str, PaperQueue] = {}
        super().__init__(
            module,
            lambda device: cast(DeviceQueue, queues.setdefault(device, PaperQueue(device))),
            PaperCode(module),
        )

    def replay(self, segment: PlannedSegment) -> Step:
        return lambda environment: None

    def enqueue(self, item: Command | DeviceSegment, queue: DeviceQueue) -> None:
        raise AssertionError("a plan on paper does not run")


class PlanPrinter:
    """Prints the blocks of a host function.

    Args:
        plan: the function, compiled.
        bound: the plan, for arguments at multiples of `APART`.
        names: of the arguments.
    """

    def __init__(self, plan: HostPlan, bound: BoundPlan, names: Sequence[str]) -> None:
        self._bound, self._names = bound, names
        self._segments = {segment.ops[0]: segment for segment in plan.segments if segment.ops}
        self._in_segments = {op for segment in plan.segments for op in segment.ops}

    def lines(self, block: Block, depth: int = 0) -> Iterator[str]:
        """The lines of a block: a segment stands where its first command does."""
        indent = "  " * depth
        for op in block.ops:
            if op in self._segments:
                for replay in self._bound.replays[self._segments[op].number]:
                    yield f"{indent}segment {self._segments[op].number} on {replay.queue.name}"
                    yield from (f"{indent}  {line}" for line in self._commands(replay))
            elif op in self._in_segments or op.name in QUIET or op.has_trait(IsTerminator):
                continue
            elif op.regions:
                yield f"{indent}{op.name}"
                for number, region in enumerate(op.regions):
                    if number and region.blocks:
                        yield f"{indent}{'do' if op.name == 'scf.while' else 'else'}"
                    for inner in region.blocks:
                        yield from self.lines(inner, depth + 1)
            elif op.name.startswith("gpu."):
                yield f"{indent}{op.name} of memory that is found when it runs"
            else:
                yield f"{indent}host {op.name}{_callee(op)}"

    def _commands(self, replay: Replay) -> Iterator[str]:
        segment = replay.segment
        for number, (command, before) in enumerate(zip(segment.commands, segment.predecessors, strict=True)):
            after = f", after {' '.join(map(str, before))}" if before else ""
            yield f"{number} {self._command(command)}{after}"

    def _command(self, command: Command) -> str:
        writes, reads = self._places(command.writes), self._places(command.reads)
        if isinstance(command, CopyCommand):
            return f"copy {writes} <- {reads}"
        if not isinstance(command, LaunchCommand):
            return f"fill {writes}"
        only_read = self._places([place for place in command.reads if place not in command.writes])
        return f"@{command.name} writes {writes}" + (f", reads {only_read}" if only_read else "")

    def _places(self, ranges: Sequence[Range]) -> str:
        return " ".join(dict.fromkeys(map(self._place, ranges)))

    def _place(self, place: Range) -> str:
        number, start = divmod(place[0], APART)
        return f"{self._names[number - 1]}[{start}:{start + place[1] - place[0]}]"


def _callee(op: Operation) -> str:
    return f" {op.properties['callee']}" if "callee" in op.properties else ""
