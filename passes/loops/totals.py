"""Sums down the columns of a rows kernel: gathered in an output, row by row, while the rows are computed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pullback.dialects.diagnostics import DiagnosticError
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.levels import Level
from pullback.passes.loops.nodes import Fixed, Output, Reduce, cone
from pullback.passes.loops.pointwise import lower_nest


class ColumnTotals:
    """Which outputs hold sums over all rows, one for each element of a row."""

    def __init__(self, kernel: KernelFunction, sums: Sequence[Reduce]) -> None:
        self.kernel = kernel
        inner = set(kernel.space.inner)
        self.outputs = [o for o in kernel.outputs if o.node.is_late and o.offset.dims & inner]
        self.places: dict[Reduce, Output] = {}
        for node in sums:
            if node.dims & inner:
                self.places[node] = self._place(node)

    def _place(self, node: Reduce) -> Output:
        """The output that gathers a sum: the sum itself, or one that is made of it."""
        free = [o for o in self.outputs if o not in self.places.values() and not self.kernel.is_loaded(o)]
        for output in sorted(free, key=lambda o: o.node is not node):
            if output.node.element_type == node.element_type and node in cone([output.node]):
                return output
        raise DiagnosticError(
            "a sum over all rows that is no output needs a kernel of its own", self.kernel.space.kernel
        )

    def clear(self) -> None:
        """Sets the sums to their neutral elements, before the first row."""
        neutral = [
            Output(Fixed(n.element_type, number=n.op.neutral(n.element_type)), o.result, o.offset)
            for n, o in self.places.items()
        ]
        if neutral:
            lower_nest(self.kernel, sorted(self.kernel.space.inner), neutral)

    def at_stage(self, stage: int) -> list[Reduce]:
        """The sums whose terms are known in a stage."""
        return [node for node in self.places if node.operands[0].stage == stage]

    def add(self, level: Level, stage: int) -> None:
        """Adds a row's elements, in the stage in which they are known."""
        for node in self.at_stage(stage):
            output = self.places[node]
            buffer = self.kernel.results[output.result]
            value = level.vector(node.operands[0]) if level.lanes else level.values([node.operands[0]])[0]
            before = level.load(buffer, output.offset)
            level.store(buffer, output.offset, type(node.op).COMBINE(before, value))

    def finish(self) -> None:
        """After the last row: what outputs make of the sums."""
        root = self.kernel.root
        for node, output in self.places.items():
            buffer = self.kernel.results[output.result]
            root.kept[node] = partial(Level.load, buffer=buffer, offset=output.offset)
        made = [o for o in self.outputs if self.places.get(o.node) is not o]  # pyright: ignore[reportArgumentType] any node
        if made:
            lower_nest(self.kernel, sorted(self.kernel.space.inner), made)
