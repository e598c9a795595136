"""The row emitter: a block of threads for each row, which reduces along it as often as asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects import memref
from xdsl.dialects.builtin import i32
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.scalar import Scalar, constant
from pullback.dialects.graph.value import Number, insert, inserting
from pullback.dialects.upstream.gpu import BarrierOp, BlockIdOp, ShuffleMode, ShuffleOp, ThreadIdOp
from pullback.passes.kernels.build import (
    WARP,
    Buffer,
    Kernel,
    KernelBuilder,
    compare,
    elements,
    loop,
    result_of,
    when,
)
from pullback.passes.kernels.point import Point, Segment
from pullback.passes.loops.affine import Affine

MAX_THREADS = 512


@dataclass(frozen=True)
class Combination:
    """How a reduction joins two partial results, and what it starts from."""

    element_type: Attribute
    combine: Callable[[Scalar, Scalar], Scalar]
    neutral: Number


class Row:
    """One row of the space, in the block that works on it.

    The dims of an offset are those of the rows, then the reduced ones. Every thread knows what is loaded at
    `point`, the row as a whole, and what `reduce` gives.
    """

    def __init__(self, builder: KernelBuilder, rows: tuple[int, ...], reduced: tuple[int, ...]) -> None:
        self._builder, self._reduced = builder, reduced
        self._row = Segment(rows, result_of(BlockIdOp(), "row"))
        self._thread = result_of(ThreadIdOp(), "thread")
        self._warp = builder.quotient(self._thread, WARP, "warp")
        self._lane = builder.remainder(self._thread, WARP, "lane")
        self.point = Point(builder, [self._row])

    def store(self, buffer: int, offset: Affine, value: Scalar) -> None:
        """Write an element of the row as a whole: one thread does."""
        self.point.place(offset)  # outside of the branch, where a later store finds it again
        first = compare("eq", self._thread, self._builder.index(0), "is_first")
        when(first, lambda: self.point.store(buffer, offset, value))

    def each(self, body: Callable[[Point], None]) -> None:
        """Run `body` at each point of the row, the threads side by side."""

        def visit(point: Point, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            body(point)
            return carried

        self._visit([], visit)

    def reduce(
        self, combinations: Sequence[Combination], body: Callable[[Point], Sequence[Scalar]]
    ) -> list[Scalar]:
        """Combine what `body` gives at each point of the row, one value per combination.

        The order is fixed, so that results repeat: each thread its own points, then the threads of a warp by
        shuffles, then the warps through shared memory.
        """
        start = [named(constant(c.neutral, c.element_type), "total") for c in combinations]

        def visit(point: Point, totals: Sequence[Scalar]) -> Sequence[Scalar]:
            pairs = zip(combinations, totals, body(point), strict=True)
            return [c.combine(total, value) for c, total, value in pairs]

        totals = self._visit(start, visit)
        totals = [self._shuffle(c, t, WARP) for c, t in zip(combinations, totals, strict=True)]
        warps = self._builder.threads // WARP
        return totals if warps == 1 else self._across_warps(combinations, totals, warps)

    def _visit(
        self, carried: Sequence[Scalar], body: Callable[[Point, Sequence[Scalar]], Sequence[Scalar]]
    ) -> list[Scalar]:
        def step(column: SSAValue, values: Sequence[Scalar]) -> Sequence[Scalar]:
            return body(Point(self._builder, [self._row, Segment(self._reduced, column)]), values)

        count, threads = elements(self._reduced), self._builder.threads
        bounds = self._thread, self._builder.index(count), self._builder.index(threads)
        return loop(*bounds, "column", carried, step)

    def _shuffle(self, combination: Combination, total: Scalar, lanes: int) -> Scalar:
        """All `lanes` neighbours learn their common total."""
        width = self._builder.integer(WARP, i32)
        distance = lanes // 2
        while distance:
            op = ShuffleOp(ShuffleMode.XOR, total.value, self._builder.integer(distance, i32), width)
            total = combination.combine(total, Scalar(result_of(op, "other")))
            distance //= 2
        return total

    def _across_warps(
        self, combinations: Sequence[Combination], totals: Sequence[Scalar], warps: int
    ) -> list[Scalar]:
        build = self._builder
        scratch = [self._scratch(warps, c.element_type) for c in combinations]

        def store() -> None:
            for place, total in zip(scratch, totals, strict=True):
                insert(memref.StoreOp.get(total.value, place, [self._warp]))

        when(compare("eq", self._lane, build.index(0), "leads_warp"), store)
        insert(BarrierOp())
        of_warp = build.remainder(self._lane, warps, "of_warp")
        partial = [Scalar(result_of(memref.LoadOp.get(place, [of_warp]), "partial")) for place in scratch]
        return [self._shuffle(c, value, warps) for c, value in zip(combinations, partial, strict=True)]

    def _scratch(self, size: int, element_type: Attribute) -> SSAValue:
        shared = self._builder.allocate_shared(size, element_type)
        return result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), "scratch")


RowBody: TypeAlias = Callable[[Row], None]
"""Inserts what one row computes: reductions along it, and stores."""


def row_reduction(
    name: str, buffers: Sequence[Buffer], rows: Sequence[int], reduced: Sequence[int], body: RowBody
) -> Kernel:
    """A kernel that runs `body` for each row; a row extends along the `reduced` dims.

    Every reduction has shared memory of its own, so one barrier each is enough.
    """
    builder = KernelBuilder(name, buffers, threads_for(elements(reduced)))
    with inserting(builder.block.add_op):
        body(Row(builder, tuple(rows), tuple(reduced)))
    return builder.finish(blocks=elements(rows))


def threads_for(columns: int) -> int:
    """A power of two that gives each thread about four elements, within a warp and `MAX_THREADS`."""
    threads = WARP
    while threads < MAX_THREADS and threads * 4 < columns:
        threads *= 2
    return threads


def named(value: Scalar, hint: str) -> Scalar:
    """The value, with a name for readers."""
    value.value.name_hint = hint
    return value
