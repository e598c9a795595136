"""Runs a module of level `gpu` on devices: its host function here, its kernels and copies in stream order there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda_runtime.attribution import ONE_BY_ONE, Enqueued
from pullback.backends.cuda_runtime.bound_plan import BoundPlan, Copies, Issued, replays_of
from pullback.backends.cuda_runtime.commands import Command, CopyCommand, FillCommand, LaunchCommand
from pullback.backends.cuda_runtime.described_memory import address_of, range_of
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer, DeviceQueue
from pullback.backends.cuda_runtime.device_segment import DeviceSegment
from pullback.backends.cuda_runtime.kernel_code import KernelCode
from pullback.backends.cuda_runtime.segment_compiler import HostPlan, PlannedSegment, SegmentCompiler
from pullback.backends.host_program.host_program import Extent, HostProgram, Launch, stored_arguments
from pullback.backends.host_program.launch_checks import check_block_size, check_overlap
from pullback.backends.host_program.native_callee import NativeCallee
from pullback.backends.host_program.run_device_memory import DeviceMemory
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder, segments
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.interpreter.run_memory import Array, Memory, static_shape
from pullback.dialects.graph.kernel.devices import allocation_device
from pullback.process.interrupts import Progress

HOST_ACCESSES = ("memref.load", "memref.store", "memref.copy", "memref.dealloc", "func.call")
"""Operations by which the host reaches or frees its memory, which copies that are enqueued may still write or read."""


class CudaProgram(HostProgram):
    """A program on devices. Arguments there are arrays that describe memory.

    Args:
        module: of level `gpu`.
        queue: gives the queue of a device by its name.
        step: what messages call the program.
        native: see `HostProgram`.
    """

    def __init__(
        self,
        module: ModuleOp,
        queue: Callable[[str], DeviceQueue],
        step: str = "@main",
        native: Mapping[str, NativeCallee] | None = None,
    ) -> None:
        self._queue, self._step = queue, step
        self._code = KernelCode(module)
        self._rows: dict[int, DeviceBuffer] = {}
        """What `gpu.alloc` made, by address."""
        self._used: set[DeviceQueue] = set()
        """The queues that were given something since the host waited for them."""
        self._recorded: list[Issued] | None = None
        """Where commands go while the commands of a segment are asked for."""
        self._copies: tuple[Copies, Copies] = (), ()
        self._bound: BoundPlan | None = None
        self._one_by_one = False
        super().__init__(module, native)
        for name in HOST_ACCESSES:
            self._builders[name] = self._settled(self._builders[name])
        watched = self._watch.watched
        self._builders |= {
            "gpu.alloc": self._alloc,
            "gpu.dealloc": self._dealloc,
            "gpu.memcpy": watched(self._memcpy, lambda _: [0]),
            "gpu.memset": watched(self._memset, lambda _: [0]),
        }

    @cached_property
    def plan(self) -> HostPlan:
        """The host function, compiled."""
        compiler = SegmentCompiler(self._builders, self._replay)
        return compiler.plan(self._function("main"), self._copy(0), self._copy(1))

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
        plan, function = self.plan, self._function("main")
        environment: Environment = [None] * plan.size
        for slot, memory in zip(plan.body.arguments, self.arguments(function, arguments), strict=True):
            environment[slot] = memory
        self._copies = before, after
        with np.errstate(all="ignore"):
            for step in plan.static:
                step(environment)
            issued = [self._issued(segment, environment) for segment in plan.segments]
        return BoundPlan(environment, tuple(replays_of(each, variables) for each in issued), variables)

    def execute(self, bound: BoundPlan, progress: Progress) -> None:
        """Enqueues a run of the program; what the host has to know is waited for, and the end is not.

        Raises:
            CudaError: something fails on a device.
            ExecutionError: the program is wrong.
        """
        self._one_by_one = os.environ.get(ONE_BY_ONE, "0") not in ("", "0")
        self._bound = bound
        self._watch.progress, self._watch.variables = progress, bound.variables
        environment = list(bound.environment)
        try:
            with np.errstate(all="ignore"):
                for step in self.plan.body.steps:
                    step(environment)
        finally:
            self._watch.progress, self._watch.variables = None, {}
            self._rows.clear()

    def run(self, entry: str, buffers: Sequence[Array], undefined: Collection[int] = ()) -> None:
        self.execute(self.bind(buffers, {}), Progress())

    def copy(self, copies: Copies) -> None:
        """Enqueues copies."""
        for command, queue in copies:
            self._enqueue(command, queue)

    def synchronize(self) -> None:
        """Waits for all that the program has enqueued."""
        for queue in list(self._used):
            queue.synchronize(self)
            self._used.discard(queue)

    def issue(self, command: Command, queue: DeviceQueue) -> None:
        """Enqueues a command, or notes that a segment has it."""
        if self._recorded is not None:
            self._recorded.append((command, queue))
        else:
            self._enqueue(command, queue)

    def kernel(self, op: Operation) -> Launch:
        name, arguments = self._code.names[op], op.regions[0].block.args
        stored = frozenset(stored_arguments(op.regions[0].block))
        types = [argument.type for argument in arguments]
        labels = tuple(f"%{a.name_hint or a.index}: {a.type}" for a in arguments)

        def launch(launch_op: Operation, grid: Extent, block: Extent, given: Sequence[object]) -> None:
            check_block_size(launch_op, op, block)
            check_overlap(launch_op, op, given)
            memories = [(at, value) for at, value in enumerate(given) if isinstance(value, DeviceMemory)]
            queue = self._queue(memories[0][1].device if memories else "cuda:0")
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

    # ---- segments -----------------------------------------------------------------------------------------

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

    def _replay(self, segment: PlannedSegment) -> Step:
        def run(environment: Environment) -> None:
            progress, bound = self._watch.progress, self._bound
            assert progress is not None
            assert bound is not None
            progress.poll()
            for replay in bound.replays[segment.number]:
                for variable in replay.changes:
                    progress.changes(variable)
                self._enqueue(replay.segment, replay.queue)

        return run

    def _enqueue(self, item: Command | DeviceSegment, queue: DeviceQueue) -> None:
        work = Enqueued(item, self, self._step)
        if self._one_by_one:
            for command in work.commands:
                queue.enqueue(Enqueued(command, self, self._step))
                queue.synchronize(self)
            return
        self._used.add(queue)
        queue.enqueue(work)

    # ---- steps of ops -------------------------------------------------------------------------------------

    def _settled(self, builder: StepBuilder) -> StepBuilder:
        """A builder whose step runs after all that was enqueued."""

        def build(compiler: Compiler, op: Operation) -> Step:
            step = builder(compiler, op)

            def run(environment: Environment) -> None:
                if self._used:
                    self.synchronize()
                step(environment)

            return run

        return build

    def _alloc(self, compiler: Compiler, op: Operation) -> Step:
        slots, result = compiler.slots(segments(op)[1]), compiler.slot(op.results[0])
        type_, dtype, device = op.results[0].type, dtype_of(op.results[0].type), allocation_device(op)

        def run(environment: Environment) -> None:
            shape = static_shape(type_, [int(environment[slot]) for slot in slots])
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            buffer = self._queue(device).allocate(size, f"a stack of shape {shape}")
            self._rows[buffer.address] = buffer
            environment[result] = DeviceMemory(buffer.array(shape, dtype), device=device)

        return run

    def _dealloc(self, compiler: Compiler, op: Operation) -> Step:
        slot = compiler.slot(op.operands[0])

        def run(environment: Environment) -> None:
            self._rows.pop(address_of(environment[slot].data)).free()

        return run

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
            memory = environment[target]
            pattern = np.asarray(environment[value], dtype).tobytes()
            if memory.data.nbytes:
                command = FillCommand(op, address_of(memory.data), memory.data.nbytes, pattern)
                self.issue(command, self._queue(memory.device))

        return run


def _device(to: Memory, of: Memory) -> str:
    """The device that copies: the one that goes on with it, if it is one."""
    memories = [memory for memory in (to, of) if isinstance(memory, DeviceMemory)]
    return memories[0].device if memories else "cuda:0"


def _argument(op: Operation, type_: Attribute, value: object) -> Any:
    """What CUDA takes for an argument: the address of memory, or a scalar."""
    if not isinstance(type_, MemRefType):
        return dtype_of(type_).type(value)
    assert isinstance(value, Memory)
    if not value.data.flags.c_contiguous:
        raise ExecutionError(op, "an argument is a view whose elements do not lie side by side")
    return address_of(value.data)
