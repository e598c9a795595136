"""A line of the space, a row or a column: the points that a reduction runs over, shared by threads.

Of the sum of a row of 300 elements comes, for a block of 128 threads (`row_reduction`), whose first one stores:

    %total = scf.for %k = %thread to %c300 step %c128 iter_args(%total_1 = %zero) -> (f32) {
      %at = %row * 300 + %k
      %x_1 = memref.load %x[%at]
      %sum = arith.addf %total_1, %x_1
      scf.yield %sum
    }
    …the totals of all threads are combined, by shuffles and through shared memory…
    scf.if %is_first { memref.store …, %y[%row] }
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects import memref
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder, Parameter
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.long_sums import BLOCK

MAX_THREADS = 512


@dataclass(frozen=True)
class Combination:
    """A reduction of scalars: its combining function, its neutral element, and the dtype of long totals."""

    element_type: Attribute
    combine: Callable[[Scalar, Scalar], Scalar]
    neutral: Number
    total_type: Attribute | None = None


Visit: TypeAlias = Callable[[Point, Sequence[Scalar]], Sequence[Scalar]]
"""Makes the next carried values at a point from the present ones."""


class Line(ABC):
    """One line, in the threads that work on it.

    Every thread knows what is loaded at `point`, the line as a whole, and what `reduce` gives.

    Args:
        builder: the kernel.
        line: the dims that number the lines, and the number of this one.
        reduced: the dims along the line.
        share: the first point of the line that this thread visits, and how far apart its points are.
        exists: whether there is such a line; None where there always is.
    """

    def __init__(
        self,
        builder: KernelBuilder,
        line: Segment,
        reduced: Dims,
        share: tuple[SSAValue, int],
        exists: SSAValue | None = None,
    ) -> None:
        self._builder, self._line, self._reduced = builder, line, reduced
        self._share, self._exists = share, exists
        self.point = Point(builder, [line])

    @abstractmethod
    def _is_first(self) -> SSAValue:
        """Tells whether this thread is the one that leads the line."""

    @abstractmethod
    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The totals of the line from those of each thread."""

    def lead(self, body: Callable[[Point], None]) -> None:
        """Run `body` in the one thread that stores for the line as a whole.

        What is loaded there, no other thread reads: so a store may take its place.
        """
        self._builder.when(self._is_first(), lambda: body(self.point.inside()))

    def each(self, body: Callable[[Point], None], along: Dims | None = None) -> None:
        """Run `body` at each point of the line, or along other dims, the threads side by side."""

        def visit(point: Point, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            if self._exists is None:
                body(point)
            else:
                self._builder.when(self._exists, lambda: body(point.inside()))
            return carried

        self._visit([], visit, along=along)

    def reduce(
        self, combinations: Sequence[Combination], body: Callable[[Point], Sequence[Scalar]]
    ) -> list[Scalar]:
        """Combine what `body` gives at each point of the line, one value per combination.

        The order is fixed, so that results repeat.
        """

        def visit(point: Point, totals: Sequence[Scalar]) -> Sequence[Scalar]:
            pairs = zip(combinations, totals, body(point), strict=True)
            return [c.combine(total, value) for c, total, value in pairs]

        is_long = self._reduced.size > BLOCK * self._share[1]
        if is_long and any(c.total_type is not None for c in combinations):
            return self._combine(combinations, self._in_blocks(combinations, visit))
        return self._combine(combinations, self._visit(self._neutral("total", combinations), visit))

    def _neutral(
        self, name: str, combinations: Sequence[Combination], types: Sequence[Attribute] | None = None
    ) -> list[tuple[str, Scalar]]:
        """The initial values of totals of this name, in these types or their own: the neutral elements."""
        own = types or [c.element_type for c in combinations]
        pairs = zip(combinations, own, strict=True)
        return [(name, self._builder.number(c.neutral, type_)) for c, type_ in pairs]

    def _in_blocks(self, combinations: Sequence[Combination], visit: Visit) -> list[Scalar]:
        """Totals of blocks of this thread's points, those of sums in higher precision."""
        build, size, (first, distance) = self._builder, self._reduced.size, self._share
        types = [c.total_type or c.element_type for c in combinations]

        def block(start: SSAValue, totals: Sequence[Scalar]) -> list[Scalar]:
            end = build.sum_of([(start, 1)], BLOCK * distance, "end")
            if size % (BLOCK * distance):
                limit = build.index(size)
                is_inside = result_of(CmpiOp(end, limit, "ult"))
                end = select(Scalar(is_inside), Scalar(end), Scalar(limit)).value
            found = self._visit(self._neutral("total", combinations), visit, (start, end))
            rows = zip(combinations, totals, found, types, strict=True)
            return [c.combine(total, value.cast(type_)) for c, total, value, type_ in rows]

        bounds = first, build.index(size), build.index(BLOCK * distance)
        made = build.carrying(bounds, "block", self._neutral("so_far", combinations, types), block)
        return [total.cast(c.element_type) for c, total in zip(combinations, made, strict=True)]

    def _visit(
        self,
        inits: Sequence[tuple[str, Scalar]],
        body: Visit,
        between: tuple[SSAValue, SSAValue] | None = None,
        along: Dims | None = None,
    ) -> list[Scalar]:
        """Run `body` at each point of this thread's share, or at those between two numbers."""
        dims = along or self._reduced

        def step(number: SSAValue, values: Sequence[Scalar]) -> Sequence[Scalar]:
            return body(Point(self._builder, [self._line, Segment(dims, number)], self.point), values)

        first, distance = self._share
        start, end = between or (first, self._builder.index(dims.size))
        return self._builder.carrying((start, end, self._builder.index(distance)), "k", inits, step)

    def _scratch(self, size: int, element_type: Attribute) -> SSAValue:
        """Shared memory; each reduction has its own, so that one barrier each is enough."""
        shared = self._builder.allocate_shared(size, element_type)
        return result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), "scratch")


LineBody: TypeAlias = Callable[[Line], None]
"""Inserts what one line computes: reductions along it, and stores."""


@dataclass(frozen=True)
class LineEmitter:
    """How the threads of a block share the points of lines.

    `emit` makes a kernel of a name, with parameters, that runs a body for each line; its further arguments are the dims
    that number the lines, those along each, and the threads of a block.
    """

    emit: Callable[[str, Sequence[Parameter], Dims, Dims, LineBody, int | None], GpuKernel]
    threads: Callable[[int], int]
    """The threads of a block for lines of so many points, where the schedule does not say."""
    shared: Callable[[int], int]
    """The elements of shared memory that each reduction needs, for so many threads."""


def warps_for(points: int) -> int:
    """A power of two: with so many warps on `points`, a thread has about four of a warp's share."""
    warps = 1
    while warps < MAX_THREADS // WARP and warps * 4 < points:
        warps *= 2
    return warps
