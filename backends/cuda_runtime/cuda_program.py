"""Runs a module of level `gpu` on devices: its host function here, its kernels and copies in stream order there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.backends.cuda_runtime.attribution import ONE_BY_ONE, Enqueued
from pullback.backends.cuda_runtime.bound_plan import BoundPlan, Copies
from pullback.backends.cuda_runtime.commands import Command
from pullback.backends.cuda_runtime.described_memory import address_of, byte_size
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer, DeviceQueue
from pullback.backends.cuda_runtime.device_segment import DeviceSegment
from pullback.backends.cuda_runtime.kernel_code import KernelCode
from pullback.backends.cuda_runtime.planned_program import PlannedProgram
from pullback.backends.cuda_runtime.segment_compiler import PlannedSegment
from pullback.backends.host_program.native_callee import NativeCallee
from pullback.backends.host_program.run_device_memory import DeviceMemory, of_device
from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder, segments
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.numpy_dtypes import DType
from pullback.backends.interpreter.run_memory import Array, allocation
from pullback.dialects.graph.kernel.devices import allocation_device
from pullback.process.interrupts import Progress

HOST_ACCESSES = ("memref.load", "memref.store", "memref.copy", "memref.dealloc", "func.call")
"""Operations by which the host reaches or frees its memory, which copies that are enqueued may still write or read."""


class CudaProgram(PlannedProgram):
    """A program on devices. Arguments there are arrays that describe memory.

    Args:
        module: of level `gpu`.
        queue: gives the queue of a device by its name.
        step: what messages call the program.
        native: see `HostProgram`.
        entry: the name of the host function.
    """

    def __init__(
        self,
        module: ModuleOp,
        queue: Callable[[str], DeviceQueue],
        step: str = "@main",
        native: Mapping[str, NativeCallee] | None = None,
        entry: str = "main",
    ) -> None:
        self._step = step
        self._owner = object()
        """What queues remember of the program, which goes when nobody else refers to it."""
        self._rows: dict[int, DeviceBuffer] = {}
        """What `gpu.alloc` made, by address."""
        self._used: set[DeviceQueue] = set()
        """The queues that were given something since the host waited for them."""
        self._bound: BoundPlan | None = None
        self._one_by_one = False
        super().__init__(module, queue, KernelCode(module), native, entry)
        for name in HOST_ACCESSES:
            self._builders[name] = self._settled(self._builders[name])
        self._builders |= {"gpu.alloc": self._alloc, "gpu.dealloc": self._dealloc}

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
        """Runs the program on arguments that are where it has them already."""
        assert entry == self.entry
        self.execute(self.bind(buffers, {}), Progress())

    def copy(self, copies: Copies) -> None:
        """Enqueues copies."""
        for command, queue in copies:
            self.enqueue(command, queue)

    def synchronize(self) -> None:
        """Waits for all that the program has enqueued."""
        for queue in list(self._used):
            queue.synchronize(self._owner)
            self._used.discard(queue)

    # ---- segments -----------------------------------------------------------------------------------------

    def replay(self, segment: PlannedSegment) -> Step:
        def run(environment: Environment) -> None:
            progress, bound = self._watch.progress, self._bound
            assert progress is not None
            assert bound is not None
            progress.poll()
            for replay in bound.replays[segment.number]:
                for variable in replay.changes:
                    progress.changes(variable)
                self.enqueue(replay.segment, replay.queue)

        return run

    def enqueue(self, item: Command | DeviceSegment, queue: DeviceQueue) -> None:
        work = Enqueued(item, self._owner, self._step)
        if self._one_by_one:
            for command in work.commands:
                queue.enqueue(Enqueued(command, self._owner, self._step))
                queue.synchronize(self._owner)
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
        device = allocation_device(op)

        def make(shape: Sequence[int], dtype: DType) -> DeviceMemory:
            size = byte_size(shape, dtype)
            buffer = self._queue(device).allocate(size, f"a stack of shape {tuple(shape)}")
            self._rows[buffer.address] = buffer
            return DeviceMemory(buffer.array(shape, dtype), device=device)

        return allocation(make, segments(op)[1], compiler, op)

    def _dealloc(self, compiler: Compiler, op: Operation) -> Step:
        slot = compiler.slot(op.operands[0])

        def run(environment: Environment) -> None:
            memory = of_device(op, environment[slot], "free it with memref.dealloc")
            buffer = self._rows.pop(address_of(memory.data), None)
            if buffer is None:
                raise ExecutionError(op, "frees what no gpu.alloc of this run made, or what is free already")
            buffer.free()

        return run
