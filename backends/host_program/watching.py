"""Reports the progress of a run on the host: which variables change, and where it may stop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.backends.interpreter.compiled_blocks import Compiler, Environment, Step, StepBuilder
from pullback.backends.interpreter.run_control_flow import run_while
from pullback.backends.interpreter.run_memory import MEMORY, Array, Memory
from pullback.dialects.graph.kernel.written_arguments import written_arguments
from pullback.process.interrupts import Progress


class Watch:
    """Watches the steps of a host function, while a run has set `progress` and `variables`."""

    def __init__(self, module: ModuleOp) -> None:
        self.progress: Progress | None = None
        self.variables: Mapping[str, Array] = {}
        self._module = module

    def builders(self, call: StepBuilder) -> dict[str, StepBuilder]:
        """The interpreter's builders, watched; `call` is its builder for calls of functions."""
        return {
            "memref.copy": self.watched(MEMORY["memref.copy"], lambda op: [1]),
            "memref.store": self.watched(MEMORY["memref.store"], lambda op: [1]),
            "func.call": self.watched(call, self._written_by_call),
            "scf.while": self._loop,
        }

    def watched(self, builder: StepBuilder, written: Callable[[Operation], Collection[int]]) -> StepBuilder:
        """A builder whose step may be the last one, and tells which variables it changes by its operands."""

        def build(compiler: Compiler, op: Operation) -> Step:
            step = builder(compiler, op)
            slots = compiler.slots([op.operands[at] for at in written(op)])

            def run(environment: Environment) -> None:
                if self.progress is not None:
                    self.progress.poll()
                    for slot in slots:
                        self._note(environment[slot], self.progress)
                step(environment)

            return run

        return build

    def _loop(self, compiler: Compiler, op: Operation) -> Step:
        """A loop, which may stop between its trips, also when they have changed variables."""
        begun: list[int] = []

        def begin_trip() -> None:
            if self.progress is not None:
                self.progress.next_trip(begun[-1])

        step = run_while(compiler, op, begin_trip)

        def run(environment: Environment) -> None:
            if self.progress is None:
                step(environment)
                return
            begun.append(self.progress.begin_loop())
            try:
                step(environment)
            finally:
                self.progress.end_loop(begun.pop())

        return run

    def _note(self, value: object, progress: Progress) -> None:
        for name, array in self.variables.items():
            if isinstance(value, Memory) and np.may_share_memory(value.data, array):
                progress.changes(name)

    def _written_by_call(self, op: Operation) -> Collection[int]:
        assert isinstance(op, func.CallOp)
        return sorted(self._written_arguments.get(op.callee.string_value(), ()))

    @cached_property
    def _written_arguments(self) -> Mapping[str, Collection[int]]:
        return written_arguments(self._module)
