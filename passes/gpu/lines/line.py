"""A line of the space, a row or a column: the points that a reduction runs over, shared by threads.

Of the sum of a row of 300 elements comes, for a block of 128 threads (`row_line`), whose first one stores:

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

from xdsl.dialects import arith
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import named, result_of
from pullback.passes.lowering.long_sums import BLOCK

Visit: TypeAlias = Callable[[Point, Sequence[Scalar]], Sequence[Scalar]]
"""Makes the next carried values at a point from the present ones."""


@dataclass(frozen=True)
class Share:
    """The points of a line that one thread visits: from `first` on, `distance` apart, below `end`."""

    first: SSAValue
    end: SSAValue
    distance: int
    most: int
    """The most points that a thread has."""
    lanes: int = 1
    """How many points side by side it visits at once; `most` counts them as one."""


class Line(ABC):
    """One line, in the threads that work on it.

    Every thread knows what is loaded at `point`, the line as a whole, and what `reduce` gives.

    Args:
        builder: the kernel.
        line: the dims that number the lines, and the number of this one.
        reduced: the dims along the line.
        share: the points of the line that this thread visits.
        exists: whether there is such a line; None where there always is.
        part: the number of the part that the share is of, where the line is split.
    """

    def __init__(
        self,
        builder: KernelBuilder,
        line: Segment,
        reduced: Dims,
        share: Share,
        exists: SSAValue | None = None,
        part: SSAValue | None = None,
    ) -> None:
        self._builder, self._line, self._reduced = builder, line, reduced
        self._share, self.exists, self.part = share, exists, part
        self.number = line.number
        self.point = Point(builder, [line], lanes=self._lanes_of_line)

    @property
    def _lanes_of_line(self) -> int:
        """How many lines side by side this is."""
        return 1

    @abstractmethod
    def _is_first(self) -> SSAValue | None:
        """Tells whether this thread is the first one of the line; `None` if it is the only one."""

    @abstractmethod
    def _side_by_side(self) -> tuple[SSAValue, int]:
        """The number of this thread among those of the line, and how many these are."""

    @abstractmethod
    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The totals of the line from those of each thread."""

    def lead(self, body: Callable[[Point], None], *, of_part: bool = False) -> None:
        """Run `body` in the one thread that stores for the line as a whole, or for the part of it in this block.

        What is loaded there, no other thread reads: so a store may take its place.
        """
        of_first_part = None
        if self.part is not None and not of_part:
            of_first_part = result_of(CmpiOp(self.part, self._builder.index(0), "eq"), "is_first_part")
        leads = both(self._is_first(), self.exists, of_first_part, hint="leads")
        if leads is None:
            body(self.point)
        else:
            self._builder.when(leads, lambda: body(self.point.inside()))

    def each(self, body: Callable[[Point], None]) -> None:
        """Run `body` at each point of the line that exists, the threads side by side."""
        self._visit([], self._only(body), self._reduced, self._share)

    def each_along(self, dims: Dims, body: Callable[[Point], None]) -> None:
        """Run `body` at each point along other dims, the threads side by side."""
        self._visit([], self._only(body), dims, self._share_along(dims))

    def reduce(
        self,
        combinations: Sequence[Combination],
        body: Callable[[Point], Sequence[Scalar]],
        along: Dims | None = None,
    ) -> list[Scalar]:
        """Combine what `body` gives at each point of the line, or along other dims, one value per combination.

        The order is fixed, so that results repeat.
        """
        if along is None:
            totals = self._totals(combinations, body)
        else:
            totals = self._looped(combinations, body, along, self._share_along(along))
        return self._combine(combinations, totals)

    def _of_thread(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The totals of this thread from those of its lanes, where these are points of one line."""
        return list(totals)

    def each_in_step(self, body: Callable[[Point], None]) -> None:
        """Run `body` at each point of the line, also where there is no such line: for what lanes do together."""

        def visit(point: Point, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            body(point)
            return carried

        self._visit([], visit, self._reduced, self._share)

    # ---- the share of one thread ------------------------------------------------------------------------

    def _share_along(self, dims: Dims) -> Share:
        """The points along other dims, the threads side by side."""
        first, distance = self._side_by_side()
        return Share(first, self._builder.index(dims.size), distance, -(-dims.size // distance))

    def _only(self, body: Callable[[Point], None]) -> Visit:
        """A visit that carries nothing, and changes nothing where there is no such line."""

        def visit(point: Point, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            self._where_it_is(point, body)
            return carried

        return visit

    def _where_it_is(
        self, point: Point, body: Callable[[Point], None], inside: SSAValue | None = None
    ) -> None:
        """Runs `body` at a point if it is inside of a line that exists."""
        condition = both(self.exists, inside)
        if condition is None:
            body(point)
        else:
            self._builder.when(condition, lambda: body(point.inside()))

    def _totals(
        self, combinations: Sequence[Combination], body: Callable[[Point], Sequence[Scalar]]
    ) -> list[Scalar]:
        """The totals of this thread."""
        return self._looped(combinations, body, self._reduced, self._share)

    def _looped(
        self,
        combinations: Sequence[Combination],
        body: Callable[[Point], Sequence[Scalar]],
        dims: Dims,
        share: Share,
    ) -> list[Scalar]:
        """The totals of a share, in a loop."""

        def visit(point: Point, totals: Sequence[Scalar]) -> Sequence[Scalar]:
            pairs = zip(combinations, totals, body(point), strict=True)
            return [c.combine(total, value) for c, total, value in pairs]

        if share.most > BLOCK and any(c.total_type is not None for c in combinations):
            return self._in_blocks(combinations, visit, dims, share)
        inits = neutral(self._builder, "total", combinations, lanes=self._width(share))
        return self._of_thread(combinations, self._visit(inits, visit, dims, share))

    def _width(self, share: Share) -> int:
        """The elements of a total of this thread."""
        return max(share.lanes, self._lanes_of_line)

    def _in_blocks(
        self, combinations: Sequence[Combination], visit: Visit, dims: Dims, share: Share
    ) -> list[Scalar]:
        """Totals of blocks of this thread's points, those of sums in higher precision."""
        build = self._builder
        stride = BLOCK * share.distance
        types = [c.total_type or c.element_type for c in combinations]

        def block(start: SSAValue, totals: Sequence[Scalar]) -> list[Scalar]:
            end = lesser(build.sum_of([(start, 1)], stride, "end"), share.end)
            of_block = Share(start, end, share.distance, BLOCK, share.lanes)
            inits = neutral(build, "total", combinations, lanes=self._width(share))
            found = self._of_thread(combinations, self._visit(inits, visit, dims, of_block))
            rows = zip(combinations, totals, found, types, strict=True)
            return [c.combine(total, value.cast(type_)) for c, total, value, type_ in rows]

        bounds = share.first, share.end, build.index(stride)
        inits = neutral(build, "so_far", combinations, types, self._lanes_of_line)
        made = build.carrying(bounds, "block", inits, block)
        return [total.cast(c.element_type) for c, total in zip(combinations, made, strict=True)]

    def _visit(
        self, inits: Sequence[tuple[str, Scalar]], body: Visit, dims: Dims, share: Share
    ) -> list[Scalar]:
        """Runs `body` at each point of a share."""

        def step(number: SSAValue, values: Sequence[Scalar]) -> Sequence[Scalar]:
            return body(self._point(Segment(dims, number), share.lanes), values)

        bounds = share.first, share.end, self._builder.index(share.distance)
        return self._builder.carrying(bounds, "k", inits, step)

    def _point(self, along: Segment, lanes: int) -> Point:
        """A point of the line, or several side by side."""
        return Point(self._builder, [self._line, along], self.point, lanes)


LineBody: TypeAlias = Callable[[Line], None]
"""Inserts what is done with one line."""


def neutral(
    builder: KernelBuilder,
    name: str,
    combinations: Sequence[Combination],
    types: Sequence[Attribute] | None = None,
    lanes: int = 1,
) -> list[tuple[str, Scalar]]:
    """The initial values of totals of this name, in these types or their own: the neutral elements.

    Each is a vector where a thread has several lanes.
    """
    own = types or [c.element_type for c in combinations]
    wide = [vector_type(type_, lanes) if lanes > 1 else type_ for type_ in own]
    return [(name, builder.number(c.neutral, type_)) for c, type_ in zip(combinations, wide, strict=True)]


def both(*conditions: SSAValue | None, hint: str = "exists") -> SSAValue | None:
    """Whether all conditions hold; `None` is one that always does."""
    given = [condition for condition in conditions if condition is not None]
    if not given:
        return None
    found, *others = given
    for other in others:
        found = result_of(arith.AndIOp(found, other), hint)
    return found


def lesser(a: SSAValue, b: SSAValue) -> SSAValue:
    """The lesser of two numbers that are not negative."""
    is_less = result_of(CmpiOp(a, b, "ult"))
    return select(Scalar(is_less), Scalar(a), Scalar(b)).value


def chosen(builder: KernelBuilder, candidate: SSAValue, end: int) -> tuple[SSAValue, SSAValue]:
    """The number itself where it is below `end`, else 0; and whether it is."""
    inside = result_of(CmpiOp(named(candidate, "candidate"), builder.index(end), "ult"), "exists")
    return select(Scalar(inside), Scalar(candidate), Scalar(builder.index(0))).value, inside
