"""What is done with each line: its reductions stage by stage, then its points, then what is one per line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.lines.lane_values import know, wide_values
from pullback.passes.gpu.lines.line import Line
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.nodes import Node, Output, Reduce, cone
from pullback.passes.lowering.space import Space


@dataclass(frozen=True)
class LineStages:
    """The reductions along each line, and the outputs that lines store."""

    space: Space
    reductions: LineReductions
    outputs: Sequence[Output]

    @property
    def stages(self) -> list[int]:
        """The stages in which something is reduced."""
        return sorted({node.operands[0].stage for node in self.reductions.along})

    @property
    def of_points(self) -> list[Output]:
        """The outputs of points along lines."""
        return [output for output in self.outputs if output.offset.dims & self._inner]

    @property
    def per_line(self) -> list[Output]:
        """The outputs of lines as a whole."""
        return [output for output in self.outputs if not output.offset.dims & self._inner]

    @property
    def _inner(self) -> frozenset[int]:
        return frozenset(self.space.inner)

    def whole(self, line: Line) -> None:
        """Everything."""
        for stage in self.stages:
            self.reduce(line, stage)
        self.store(line)

    def reduce(self, line: Line, stage: int) -> None:
        """The reductions of one stage."""
        of_stage = self.reductions.along_at(stage)
        operands: list[Node] = [node.operands[0] for node in of_stage]
        line.point.prepare(operands, self._inner)
        reduce_into(line, of_stage, lambda point: wide_values(point, operands))

    def store(self, line: Line) -> None:
        """The outputs."""
        of_points, per_line = self.of_points, self.per_line
        if of_points:
            line.point.prepare([o.node for o in of_points], self._inner)
            line.each(lambda point: store(point, of_points))
        if per_line:
            line.lead(lambda point: store(point, per_line))


def reductions_in(outputs: Sequence[Output], space: Space) -> LineReductions:
    """The reductions that outputs are made of."""
    return LineReductions.of(cone([o.node for o in outputs]), space.inner)


def store(point: Point, outputs: Sequence[Output]) -> None:
    """Computes and stores outputs at a point."""
    point.store_outputs(outputs, point.inputs)


def reduce_into(
    line: Line,
    nodes: Sequence[Reduce],
    terms: Callable[[Point], Sequence[Scalar]],
    along: Dims | None = None,
) -> None:
    """Makes reductions known, given their terms at each point of a line, or along other dims."""
    totals = line.reduce([Combination.of(node) for node in nodes], terms, along)
    for node, total in zip(nodes, totals, strict=True):
        know(line.point, node, total)
