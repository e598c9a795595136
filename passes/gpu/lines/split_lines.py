"""Lines that are split: each stage of their reductions is a kernel for the parts, which are added up in order after it.

Of the softmax of 4 rows of 1,000,000 elements, in 122 parts each, come three kernels:

    …_stage0      488 blocks: the largest element of each part
    …_stage1      488 blocks: the largest element of all parts of a row, and the sum of each part
    …             488 blocks: both of all parts, and what is stored at each point

Of columns, whose blocks have many lines, each stage has one kernel more (`…_stage0_whole`), which adds up the parts for
all blocks after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.lines.column_mapping import ColumnMapping
from pullback.passes.gpu.lines.lane_values import know, wide_values
from pullback.passes.gpu.lines.line import Line, LineBody
from pullback.passes.gpu.lines.line_kernel import line_kernel
from pullback.passes.gpu.lines.line_mapping import types_of
from pullback.passes.gpu.lines.line_stages import LineStages, reduce_into
from pullback.passes.gpu.lines.line_work import Work
from pullback.passes.gpu.lines.mappings import RowsOrColumns
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
    parts: RowsOrColumns
    whole: RowsOrColumns
    formed: dict[Reduce, int] = field(default_factory=dict[Reduce, int])
    """The parameters that hold reductions of parts, all lines of one part after the other."""
    finished: dict[Reduce, int] = field(default_factory=dict[Reduce, int])
    """The parameters that hold reductions of lines, one element for each."""

    def kernels(self, rest: Work) -> list[GpuKernel]:
        """The kernels; `rest` is what the last one leaves of totals."""
        kernels: list[GpuKernel] = []
        for stage in self.work.stages:
            kernels.append(self._of_parts(stage))
            is_last = stage == self.work.stages[-1]
            if isinstance(self.parts, ColumnMapping) and (self._ends_in_parts or not is_last):
                kernels.append(self._finishing(stage))
        return [*kernels, self._last(rest)]

    @property
    def _ends_in_parts(self) -> bool:
        """Whether what follows the last reduction goes along the lines, too."""
        return bool(self.work.of_points or self.work.reductions.across)

    @property
    def _lines(self) -> Dims:
        return Dims(0, self.work.space.parallel)

    @property
    def _points(self) -> Dims:
        return Dims(len(self.work.space.parallel), self.work.space.reduce)

    @property
    def _numbers(self) -> Dims:
        """The dim of the parts of a line."""
        return Dims(self.work.space.rank, (self.parts.split,))

    def _emit(
        self, suffix: str, body: LineBody, nodes: Iterable[Reduce], rest: Work | None = None, *, parts: bool
    ) -> GpuKernel:
        """A kernel for the parts, or for whole lines, that forms these reductions."""
        rest = rest or Work(body)
        return line_kernel(
            self.parameters.signature.name + suffix,
            self.parts if parts else self.whole,
            self.parameters.all(),
            self._lines,
            self._points if parts else self._numbers,
            Work(body, types_of(nodes), rest.single, rest.across),
            parts=parts,
            shared_bytes=self.parameters.shared_bytes,
        )

    def _of_parts(self, stage: int) -> GpuKernel:
        """Forms the reductions of a stage in each part."""
        nodes, earlier = self.work.reductions.along_at(stage), dict(self.formed)
        size = self._lines.size * self.parts.split
        self.formed |= {node: self.parameters.scratch(node.element_type, size) for node in nodes}

        def body(line: Line) -> None:
            assert line.part is not None
            place = [(line.part, self._lines.size)]
            self._take(line, earlier, self._numbers)
            self.work.reduce(line, stage)

            def store(point: Point) -> None:
                for node, value in zip(nodes, wide_values(point, nodes), strict=True):
                    point.store(point.inputs[self.formed[node]], self._lines.counted, value, place)

            line.lead(store, of_part=True)

        return self._emit(f"_stage{stage}", body, [*earlier, *nodes], parts=True)

    def _finishing(self, stage: int) -> GpuKernel:
        """Adds up the parts of a stage for all kernels that follow."""
        nodes = self.work.reductions.along_at(stage)
        formed = {node: self.formed.pop(node) for node in nodes}
        finished = {node: self.parameters.scratch(node.element_type, self._lines.size) for node in nodes}

        def body(line: Line) -> None:
            self._take(line, formed)

            def store(point: Point) -> None:
                for node in nodes:
                    point.store(point.inputs[finished[node]], self._lines.counted, point.known[node])

            line.lead(store)

        kernel = self._emit(f"_stage{stage}_whole", body, nodes, parts=False)
        self.finished |= finished
        return kernel

    def _last(self, rest: Work) -> GpuKernel:
        """Stores the outputs."""
        formed, parts = dict(self.formed), self._ends_in_parts

        def body(line: Line) -> None:
            self._take(line, formed, self._numbers if parts else None)
            self.work.store(line)

        return self._emit("", body, formed, rest, parts=parts)

    def _take(self, line: Line, formed: Mapping[Reduce, int], along: Dims | None = None) -> None:
        """Makes the reductions of earlier stages known: loaded, or added up from parts, which are the points of the
        line unless dims are given."""
        for node, buffer in self.finished.items():
            know(line.point, node, line.point.load(line.point.inputs[buffer], self._lines.counted))
        lines = self._lines.counted.coefficients
        at = Affine((*lines, *(0,) * (self.work.space.rank - len(lines)), self._lines.size))

        def load(point: Point) -> list[Scalar]:
            return [point.load(point.inputs[buffer], at) for buffer in formed.values()]

        if formed:
            reduce_into(line, list(formed), load, along)
