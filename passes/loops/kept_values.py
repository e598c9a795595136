"""Spilling between stages of a row: values that cost more to compute again than to load are kept in an output's row.

A softmax needs `exp(x - max)` in the stage that adds it up, and again in the one that divides it by the sum. The first
stage stores it in the row of the result, the second loads it from there, and puts the quotient in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from pullback.dialects.graph.tensor.types import element_type_of
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.lowering.nodes import Compute, Node, Output, Reduce, cone


class Keeping:
    """Spills of expensive values: the output in whose row each is kept until that output itself is stored there."""

    def __init__(self, kernel: KernelFunction, roots: list[Node], elements: list[Output], last: int) -> None:
        self.kernel = kernel
        self.last = last
        self.rows: dict[Compute, Output] = {}
        self.first: dict[Node, int] = {}
        self._roots: list[list[Node]] = [[] for _ in range(last + 1)]
        for node in roots:
            self._roots[node.stage].append(node)
        self._needed = self._needed_by_stages()
        free = [o for o in elements if self._can_hold(o)]
        for node in reversed(kernel.nodes):
            if isinstance(node, Compute) and node.is_expensive:
                self._keep(node, free)

    def stage_of(self, output: Output) -> int:
        """The stage in which an output is stored: the last, if it takes the place of an input."""
        return self.last if self.kernel.is_loaded(output) else output.node.stage

    def is_there(self, stage: int) -> Callable[[Node], bool]:
        """Tells whether a stage finds a node computed: kept by an earlier one, or reduced."""
        return lambda node: isinstance(node, Reduce) or self.first.get(node, stage) < stage

    def compute(self, level: LoopLevel, stage: int) -> None:
        """In the stage that keeps values: computes and stores them; in later ones: says where they are."""
        for node, output in self.rows.items():
            buffer = self.kernel.results[output.result]
            if self.first[node] == stage:
                (value,) = level.values([node])
                level.store(replace(buffer, origin=node.op.location), output.offset, value)
            elif self.first[node] < stage:
                level.kept[node] = partial(LoopLevel.load, view=buffer, offset=output.offset)

    def _can_hold(self, output: Output) -> bool:
        """Tells whether its row is free until the last stage, and has room for every element."""
        everywhere = {d for d, n in enumerate(self.kernel.space.extents) if n > 1}
        is_last = self.stage_of(output) == self.last
        return is_last and everywhere <= output.offset.dims and not self.kernel.is_loaded(output)

    def _needed_by_stages(self) -> list[set[Node]]:
        """The nodes that each stage computes or finds, as long as nothing else is kept."""
        return [set(cone(roots, self.is_there(stage))) for stage, roots in enumerate(self._roots)]

    def _keep(self, node: Compute, free: list[Output]) -> None:
        stages = [stage for stage, needed in enumerate(self._needed) if node in needed]
        if len(stages) < 2:
            return
        inner = self.kernel.space.inner
        if not inner or inner[-1] not in node.dims:
            # Computed outside of the innermost loop, which is where kept values are stored and loaded.
            return
        # A row of half precision would round values of operations in f32.
        type_ = element_type_of(node.op.result_types[0])
        for output in free:
            if self.kernel.results[output.result].memory_type == type_:
                free.remove(output)
                self.rows[node], self.first[node] = output, stages[0]
                self._needed = self._needed_by_stages()
                return
