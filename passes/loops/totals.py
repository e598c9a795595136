"""Totals over the outer loops, one for each inner element: gathered in an output while the loops run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pullback.dialects.diagnostics import DiagnosticError
from pullback.dialects.graph.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.levels import Level
from pullback.passes.loops.nodes import Fixed, Output, Reduce, cone
from pullback.passes.loops.pointwise import lower_nest
from pullback.passes.loops.vectors import across_lanes, with_neutral


class Totals:
    """Which outputs hold totals: of a rows kernel, down its columns; of a columns kernel, along its rows."""

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
        """Sets the totals to their neutral elements, before the outer loops."""
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
        """Adds the elements of an iteration, in the stage in which they are known."""
        for node in self.at_stage(stage):
            output = self.places[node]
            buffer = self.kernel.results[output.result]
            value = self._value(level, node, output)
            before = level.load(buffer, output.offset)
            level.store(buffer, output.offset, type(node.op).COMBINE(before, value))

    def _value(self, level: Level, node: Reduce, output: Output) -> Scalar:
        """What an iteration adds: a vector of elements, or all of its lanes to one element."""
        lanes, term = level.lanes, node.operands[0]
        if lanes is None:
            return level.values([term])[0]
        value = level.vector(term)
        if output.offset.coefficients[lanes.dim]:
            return value
        return across_lanes(node.op, with_neutral(self.kernel.builder, value, lanes, node.op))

    def finish(self) -> None:
        """After the outer loops: what outputs make of the totals."""
        root = self.kernel.root
        for node, output in self.places.items():
            buffer = self.kernel.results[output.result]
            root.kept[node] = partial(Level.load, buffer=buffer, offset=output.offset)
        made = [o for o in self.outputs if self.places.get(o.node) is not o]  # pyright: ignore[reportArgumentType] any node
        if made:
            lower_nest(self.kernel, sorted(self.kernel.space.inner), made)
