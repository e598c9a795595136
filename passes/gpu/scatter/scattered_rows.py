"""Rows that a kernel scatters, as the threads of a GPU see them: numbered rows, and the columns along each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.kernel.schedule import GpuTuning
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.gpu.point_kernels import at_first, thread_of_grid
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.nodes import Node, Output
from pullback.passes.lowering.space import Space
from pullback.passes.lowering.tuning import tuned


@dataclass(frozen=True)
class ScatteredRows:
    """An output of a kernel that takes up rows."""

    output: Output
    space: Space

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.output.rows_added(self.space.extents)

    @property
    def index(self) -> Node:
        """The node that names the row of the output."""
        assert self.output.row is not None
        return self.output.row

    @property
    def columns(self) -> Dims:
        """The dims along a row."""
        dims = self.output.offset.dims
        if not dims:
            return Dims(0, ())
        return Dims(min(dims), self.space.extents[min(dims) : max(dims) + 1])

    def point(
        self, builder: KernelBuilder, number: SSAValue | None = None, column: SSAValue | None = None
    ) -> Point:
        """The position of a thread: in the row of this number, if any, and at this column, if any."""
        assert self.output.number is not None
        segments: list[Segment] = []
        if number is not None:
            segments += (Segment(Dims(dim, (self.count,)), number) for dim in self.output.number.dims)
        if column is not None:
            segments.append(Segment(self.columns, column))
        return Point(builder, segments)


def tuning_of(parameters: Parameters) -> GpuTuning:
    """What the schedule says, with all that it leaves open."""
    return tuned(parameters.signature.kernel, "gpu").gpu


def threads_of(parameters: Parameters) -> int:
    """The threads of a block."""
    threads = tuning_of(parameters).threads
    assert threads is not None
    return threads


def is_below(a: SSAValue, b: SSAValue) -> SSAValue:
    """Tells whether one index is below another."""
    return result_of(CmpiOp(a, b, "ult"), "is_below")


def thread_each(
    name: str, parameters: Parameters, size: int, body: Callable[[KernelBuilder, SSAValue], None]
) -> GpuKernel:
    """A kernel that runs `body` for each number below `size`, neighbouring threads for neighbouring numbers."""
    builder = KernelBuilder(name, parameters.all(), threads_of(parameters))
    with builder.entering(builder.block):
        number = thread_of_grid(builder)
        at_first(builder, number, size, lambda: body(builder, number))
    return builder.finish(-(-size // builder.threads))
