"""Scan kernels on GPUs: a thread for each line, which carries the result so far.

The order along a line is that of its elements, so results are those of NumPy to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.gpu.point_kernels import at_first, thread_of_grid
from pullback.passes.lowering.nodes import Output, Scanned
from pullback.passes.lowering.space import Space

THREADS = 64
"""Threads of a block: lines are few, and each takes long."""


def lower_scan(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """A kernel for each scan."""
    kernels: list[GpuKernel] = []
    for number, output in enumerate(outputs):
        if 0 not in space.extents:
            suffix = f"_{number}" if number else ""
            kernels.append(ScanThreads(parameters, space, output).kernel(parameters.signature.name + suffix))
    return kernels


class ScanThreads:
    """The kernel of one scan."""

    def __init__(self, parameters: Parameters, space: Space, output: Output) -> None:
        assert isinstance(output.node, Scanned), "check_scan refuses others"
        self.parameters, self.output, self.node, self.op = parameters, output, output.node, output.node.op
        at, shape = self.op.at, space.extents
        self.before, self.along = Dims(0, shape[:at]), Dims(at, shape[at : at + 1])
        self.after = Dims(at + 1, shape[at + 1 :])
        self.type = type(self.op).TOTALS.get(self.node.element_type, self.node.element_type)

    def kernel(self, name: str) -> GpuKernel:
        """Neighbouring threads have neighbouring lines."""
        builder = KernelBuilder(name, self.parameters.all(), self.parameters.threads or THREADS)
        lines = self.before.size * self.after.size
        with builder.entering(builder.block):
            number = thread_of_grid(builder, "line")
            at_first(builder, number, lines, lambda: self._line(builder, number))
        return builder.finish(-(-lines // builder.threads))

    def _line(self, builder: KernelBuilder, number: SSAValue) -> None:
        before = builder.quotient(number, self.after.size, "before")
        after = builder.remainder(number, self.after.size, "after")
        extent = prod(self.along.extents)

        def at(index: SSAValue) -> Point:
            place = builder.sum_of([(index, -1)], extent - 1) if self.op.is_reverse else index
            places = ((self.before, before), (self.along, place), (self.after, after))
            return Point(builder, [Segment(dims, value) for dims, value in places if dims.extents])

        first = at(builder.index(0))
        state = self.op.begin(*self._elements(first))
        start = builder.number(type(self.op).FIRST, self.type) if self.op.is_exclusive else state
        self._store(builder, first, start)

        def once(index: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            point, so_far = at(index), Scalar(carried[0])
            following = self.op.step(so_far, *self._elements(point))
            self._store(builder, point, so_far if self.op.is_exclusive else following)
            following.value.name_hint = "so_far"
            return [following.value]

        if extent > 1:
            builder.loop((1, extent, 1), "at", [state.value], once)

    def _elements(self, point: Point) -> list[Scalar]:
        return [value.cast(self.type) for value in point.values(self.node.operands)]

    def _store(self, builder: KernelBuilder, point: Point, value: Scalar) -> None:
        view = builder.views[self.output.result]
        point.store(view, self.output.offset, value.cast(self.node.element_type))
