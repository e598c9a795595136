"""A line of the space: the points that a reduction runs over, and what the threads that share them do with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects import memref
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.scalar import Scalar, constant
from pullback.dialects.graph.value import Number
from pullback.passes.kernels.build import WARP, Buffer, Kernel, KernelBuilder, loop, result_of, when
from pullback.passes.kernels.point import Dims, Point, Segment

MAX_THREADS = 512


@dataclass(frozen=True)
class Combination:
    """How a reduction joins two partial results, and what it starts from."""

    element_type: Attribute
    combine: Callable[[Scalar, Scalar], Scalar]
    neutral: Number


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
        """Whether this thread is the one that leads the line."""

    @abstractmethod
    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The totals of the line from those of each thread."""

    def lead(self, body: Callable[[Point], None]) -> None:
        """Run `body` in the one thread that stores for the line as a whole.

        What is loaded there, no other thread reads: so a store may take its place.
        """
        point = self.point.inside()
        when(self._is_first(), lambda: body(point))

    def each(self, body: Callable[[Point], None]) -> None:
        """Run `body` at each point of the line, the threads side by side."""

        def visit(point: Point, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            if self._exists is None:
                body(point)
            else:
                when(self._exists, lambda: body(point))
            return carried

        self._visit([], visit)

    def reduce(
        self, combinations: Sequence[Combination], body: Callable[[Point], Sequence[Scalar]]
    ) -> list[Scalar]:
        """Combine what `body` gives at each point of the line, one value per combination.

        The order is fixed, so that results repeat.
        """
        start = [named(constant(c.neutral, c.element_type), "total") for c in combinations]

        def visit(point: Point, totals: Sequence[Scalar]) -> Sequence[Scalar]:
            pairs = zip(combinations, totals, body(point), strict=True)
            return [c.combine(total, value) for c, total, value in pairs]

        return self._combine(combinations, self._visit(start, visit))

    def _visit(
        self, carried: Sequence[Scalar], body: Callable[[Point, Sequence[Scalar]], Sequence[Scalar]]
    ) -> list[Scalar]:
        def step(number: SSAValue, values: Sequence[Scalar]) -> Sequence[Scalar]:
            return body(Point(self._builder, [self._line, Segment(self._reduced, number)]), values)

        first, distance = self._share
        count, apart = self._builder.index(self._reduced.size), self._builder.index(distance)
        return loop(first, count, apart, "k", carried, step)

    def _scratch(self, size: int, element_type: Attribute) -> SSAValue:
        """Shared memory; each reduction has its own, so that one barrier each is enough."""
        shared = self._builder.allocate_shared(size, element_type)
        return result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), "scratch")


LineBody: TypeAlias = Callable[[Line], None]
"""Inserts what one line computes: reductions along it, and stores."""
LineEmitter: TypeAlias = Callable[[str, Sequence[Buffer], Dims, Dims, LineBody], Kernel]
"""Makes a kernel of this name, on these buffers, that runs the body for each of the lines; its arguments are the
dims that number them, and those along each."""


def warps_for(points: int) -> int:
    """A power of two: with so many warps on `points`, a thread has about four of a warp's share."""
    warps = 1
    while warps < MAX_THREADS // WARP and warps * 4 < points:
        warps *= 2
    return warps


def named(value: Scalar, hint: str) -> Scalar:
    """The value, with a name for readers."""
    value.value.name_hint = hint
    return value
