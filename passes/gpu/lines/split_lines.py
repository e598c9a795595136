"""Lines that are split: each stage of their reductions is a kernel for the parts, and one that adds these up in order.

Of the softmax of 4 rows of 1,000,000 elements, in 122 parts each, come five kernels:

    …_stage0_parts      488 blocks: the largest element of each part
    …_stage0            the largest element of each row
    …_stage1_parts      488 blocks: the sum of each part
    …_stage1            the sum of each row
    …                   488 blocks: what is stored at each point
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.lines.lane_values import know, wide_values
from pullback.passes.gpu.lines.line import Line
from pullback.passes.gpu.lines.line_kernel import line_kernel
from pullback.passes.gpu.lines.line_mapping import types_of
from pullback.passes.gpu.lines.line_stages import LineStages, reduce_into
from pullback.passes.gpu.lines.line_work import Work
from pullback.passes.gpu.lines.mappings import Mapping
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.lowering.nodes import Reduce


@dataclass
class SplitLines:
    """The kernels of lines that are split.

    `whole` is the mapping of lines of one element for each part.
    """

    parameters: Parameters
    work: LineStages
    parts: Mapping
    whole: Mapping
    known: dict[Reduce, int] = field(default_factory=dict[Reduce, int])
    """The parameters that hold the reductions of earlier stages, one element for each line."""

    @property
    def ends_in_parts(self) -> bool:
        """Whether what follows the last reduction goes along the lines, too."""
        return bool(self.work.of_points or self.work.reductions.across)

    @property
    def last(self) -> Mapping:
        """The mapping of the last kernel."""
        return self.parts if self.ends_in_parts else self.whole

    def kernels(self, rest: Work) -> list[GpuKernel]:
        """The kernels; `rest` is what the last one leaves of totals."""
        kernels: list[GpuKernel] = []
        for stage in self.work.stages:
            kernels.append(self._of_parts(stage))
            is_last = stage == self.work.stages[-1]
            kernels.append(self._of_lines(stage, rest if is_last and not self.ends_in_parts else None))
        if self.ends_in_parts:

            def body(line: Line) -> None:
                self._take(line)
                self.work.store(line)

            work = Work(body, frozenset(), rest.single, rest.across)
            kernels.append(self._emit("", self.parts, self._points, work, parts=True))
        return kernels

    @property
    def _lines(self) -> Dims:
        return Dims(0, self.work.space.parallel)

    @property
    def _points(self) -> Dims:
        return Dims(len(self.work.space.parallel), self.work.space.reduce)

    def _emit(
        self, suffix: str, mapping: Mapping, along: Dims, work: Work, *, parts: bool = False
    ) -> GpuKernel:
        name = self.parameters.signature.name + suffix
        return line_kernel(
            name,
            mapping,
            self.parameters.all(),
            self._lines,
            along,
            work,
            parts=parts,
            shared_bytes=self.parameters.shared_bytes,
        )

    def _take(self, line: Line) -> None:
        """Loads the reductions of earlier stages."""
        for node, buffer in self.known.items():
            know(line.point, node, line.point.load(line.point.inputs[buffer], self._lines.counted))

    def _of_parts(self, stage: int) -> GpuKernel:
        nodes = self.work.reductions.along_at(stage)
        size = self._lines.size * self.parts.split
        self.partials = [self.parameters.scratch(node.element_type, size) for node in nodes]

        def body(line: Line) -> None:
            assert line.part is not None
            part = [(line.part, self._lines.size)]
            self._take(line)
            self.work.reduce(line, stage)

            def store(point: Point) -> None:
                values = wide_values(point, nodes)
                for buffer, value in zip(self.partials, values, strict=True):
                    point.store(point.inputs[buffer], self._lines.counted, value, part)

            line.lead(store, of_part=True)

        return self._emit(
            f"_stage{stage}_parts", self.parts, self._points, Work(body, types_of(nodes)), parts=True
        )

    def _of_lines(self, stage: int, rest: Work | None) -> GpuKernel:
        nodes, partials = self.work.reductions.along_at(stage), self.partials
        rank, split = self.work.space.rank, self.parts.split
        lines = self._lines.counted.coefficients
        at = Affine((*lines, *(0,) * (rank - len(lines)), self._lines.size))
        known = dict(self.known)
        if rest is None:
            self.known |= {
                node: self.parameters.scratch(node.element_type, self._lines.size) for node in nodes
            }

        def body(line: Line) -> None:
            for node, buffer in known.items():
                know(line.point, node, line.point.load(line.point.inputs[buffer], self._lines.counted))

            def load(point: Point) -> list[Scalar]:
                return [point.load(point.inputs[buffer], at) for buffer in partials]

            reduce_into(line, nodes, load)
            if rest is None:
                line.lead(lambda point: self._keep(point, nodes))
            else:
                self.work.store(line)

        work = Work(body, types_of(nodes), rest.single if rest else ())
        suffix = f"_stage{stage}" if rest is None else ""
        return self._emit(suffix, self.whole, Dims(rank, (split,)), work)

    def _keep(self, point: Point, nodes: Sequence[Reduce]) -> None:
        for node in nodes:
            point.store(point.inputs[self.known[node]], self._lines.counted, point.known[node])
