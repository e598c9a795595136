"""The plan of a host function of level `gpu`: its launches and copies as commands, those that can be as segments."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda_runtime.bound_plan import BoundPlan, Copies, Issued, replays_of
from pullback.backends.cuda_runtime.commands import Command, CopyCommand, FillCommand, LaunchCommand
from pullback.backends.cuda_runtime.described_memory import address_of, range_of
from pullback.backends.cuda_runtime.device_queue import DeviceQueue
from pullback.backends.cuda_runtime.device_segment import DeviceSegment
from pullback.backends.cuda_runtime.segment_compiler import HostPlan, PlannedSegment, SegmentCompiler
from pullback.backends.host_program.host_program import Extent, HostProgram, Launch, stored_arguments
from pullback.backends.host_program.launch_checks import check_block_size, check_overlap
from pullback.backends.host_program.native_callee import NativeCallee
from pullback.backends.host_program.run_device_memory import DeviceMemory, of_device
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.run_memory import Array, Memory
from pullback.dialects.graph.tensor.device import CUDA


class LaunchableCode(Protocol):
    """Kernels that can be launched."""

    @property
    def names(self) -> Mapping[Operation, str]:
        """The name of each `gpu.func` in the text."""
        ...

    def kernel(self, name: str, queue: DeviceQueue) -> Any:
        """A kernel for a device."""

    def config(self, grid: Extent, block: Extent, queue: DeviceQueue) -> Any:
        """The sizes of a launch, as CUDA takes them."""


class PlannedProgram(HostProgram):
    """A program whose launches and copies are commands. Arguments on devices are arrays that describe memory.

    Args:
        module: of level `gpu`.
        queue: gives the queue of a device by its name.
        code: its kernels.
        native: see `HostProgram`.
        entry: the name of the host function.
    """

    def __init__(
        self,
        module: ModuleOp,
        queue: Callable[[str], DeviceQueue],
        code: LaunchableCode,
        native: Mapping[str, NativeCallee] | None = None,
        entry: str = "main",
    ) -> None:
        self._queue, self._code = queue, code
        self.entry = entry
        """The name of the host function."""
        self._recorded: list[Issued] | None = None
        """Where commands go while the commands of a segment are asked for."""
        self._copies: tuple[Copies, Copies] = (), ()
        super().__init__(module, native)
        watched = self._watch.watched
        self._builders |= {
            "gpu.memcpy": watched(self._memcpy, lambda _: [0]),
            "gpu.memset": watched(self._memset, lambda _: [0]),
        }

    @cached_property
    def plan(self) -> HostPlan:
        """The host function, compiled."""
        compiler = SegmentCompiler(self._builders, self.replay)
        return compiler.plan(self._function(self.entry), self._copy(0), self._copy(1))

    def bind(
        self,
        arguments: Sequence[Array],
        variables: Mapping[str, Array],
        before: Copies = (),
        after: Copies = (),
    ) -> BoundPlan:
        """The plan for memory of arguments.

        Args:
            arguments: an array for each argument; those on devices describe memory.
            variables: those of them that are variables, by name.
            before: copies to arguments, which a run begins with.
            after: copies from arguments, which a run ends with.
        """
        plan, function = self.plan, self._function(self.entry)
        environment: Environment = [None] * plan.size
        for slot, memory in zip(plan.body.arguments, self.arguments(function, arguments), strict=True):
            environment[slot] = memory
        self._copies = before, after
        with np.errstate(all="ignore"):
            for step in plan.static:
                step(environment)
            issued = [self._issued(segment, environment) for segment in plan.segments]
        return BoundPlan(environment, tuple(replays_of(each, variables) for each in issued), variables)

    def arguments_of_entry(self, buffers: Sequence[Array]) -> Sequence[Memory]:
        """Arrays as the arguments of the host function: checked, and each of the memory in which it has it."""
        return self.arguments(self._function(self.entry), buffers)

    @abstractmethod
    def replay(self, segment: PlannedSegment) -> Step:
        """The step that runs a segment."""

    @abstractmethod
    def enqueue(self, item: Command | DeviceSegment, queue: DeviceQueue) -> None:
        """Has a device run a segment, or a command that is of none."""

    def issue(self, command: Command, queue: DeviceQueue) -> None:
        """Enqueues a command, or notes that a segment has it."""
        if self._recorded is not None:
            self._recorded.append((command, queue))
        else:
            self.enqueue(command, queue)

    def kernel(self, op: Operation) -> Launch:
        name, arguments = self._code.names[op], op.regions[0].block.args
        stored = frozenset(stored_arguments(op.regions[0].block))
        types = [argument.type for argument in arguments]
        labels = tuple(f"%{a.name_hint or a.index}: {a.type}" for a in arguments)

        def launch(launch_op: Operation, grid: Extent, block: Extent, given: Sequence[object]) -> None:
            check_block_size(launch_op, op, block)
            check_overlap(launch_op, op, given)
            memories = [(at, value) for at, value in enumerate(given) if isinstance(value, DeviceMemory)]
            queue = self._queue(memories[0][1].device if memories else CUDA)
            self.issue(
                LaunchCommand(
                    launch_op,
                    name,
                    self._code.kernel(name, queue),
                    self._code.config(grid, block, queue),
                    grid,
                    block,
                    tuple(_argument(launch_op, t, v) for t, v in zip(types, given, strict=True)),
                    labels,
                    tuple(range_of(memory.data) for _, memory in memories),
                    tuple(range_of(memory.data) for at, memory in memories if at in stored),
                ),
                queue,
            )

        return launch

    def _copy(self, end: int) -> Step:
        """The copies at the begin or at the end, of the binding that is being made."""

        def issue(environment: Environment) -> None:
            for command, queue in self._copies[end]:
                self.issue(command, queue)

        return issue

    def _issued(self, segment: PlannedSegment, environment: Environment) -> list[Issued]:
        self._recorded = []
        try:
            for step in segment.steps:
                step(environment)
            return self._recorded
        finally:
            self._recorded = None

    def _memcpy(self, compiler: Compiler, op: Operation) -> Step:
        target, source = compiler.slots(op.operands)

        def run(environment: Environment) -> None:
            to, of = environment[target], environment[source]
            if not (
                to.data.flags.c_contiguous and of.data.flags.c_contiguous and to.data.nbytes == of.data.nbytes
            ):
                raise ExecutionError(
                    op, f"copies {of.data.shape} to {to.data.shape}: expected equal ones without gaps"
                )
            if not to.data.flags.writeable:
                raise ExecutionError(op, "writes to constant memory")
            if to.written is not None:
                to.written[...] = True
            if to.data.nbytes:
                command = CopyCommand(op, address_of(to.data), address_of(of.data), to.data.nbytes)
                self.issue(command, self._queue(_device(to, of)))

        return run

    def _memset(self, compiler: Compiler, op: Operation) -> Step:
        target, value = compiler.slots(op.operands)
        dtype = dtype_of(op.operands[0].type)

        def run(environment: Environment) -> None:
            memory = of_device(op, environment[target], "expected memory of a device")
            pattern = np.asarray(environment[value], dtype).tobytes()
            if memory.data.nbytes:
                command = FillCommand(op, address_of(memory.data), memory.data.nbytes, pattern)
                self.issue(command, self._queue(memory.device))

        return run


def _device(to: Memory, of: Memory) -> str:
    """The device that copies: the one that goes on with it, if it is one."""
    memories = [memory for memory in (to, of) if isinstance(memory, DeviceMemory)]
    return memories[0].device if memories else CUDA


def _argument(op: Operation, type_: Attribute, value: object) -> Any:
    """What CUDA takes for an argument: the address of memory, or a scalar."""
    if not isinstance(type_, MemRefType):
        return dtype_of(type_).type(value)
    assert isinstance(value, Memory)
    if not value.data.flags.c_contiguous:
        raise ExecutionError(op, "an argument is a view whose elements do not lie side by side")
    return address_of(value.data)
