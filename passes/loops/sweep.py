"""Strip mining of a loop along one dim: unrolled steps with independent accumulators, single steps, a masked tail.

Of 100 elements in steps of 8, 4 steps to an iteration:

    0 … 96 in iterations of 4 steps, each with a partial result of its own, 96 … 100 in one step, half of it masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.partial_results import Accumulation, Accumulator
from pullback.passes.lowering.function_builder import FunctionBuilder

Iteration = Callable[[SSAValue, int], Sequence[Scalar]]
"""Computes what starts at an index, for this many of the elements of a step: one value for each accumulator."""


@dataclass(frozen=True)
class Range:
    """Some of the indices along a dim: between two bounds, `most` of them, or those that whole iterations leave."""

    dim: int
    bounds: tuple[SSAValue, SSAValue] | None = None
    most: int = 0


@dataclass(frozen=True)
class Sweep:
    """The steps of `width` elements along an extent, `unroll` of them to an iteration."""

    builder: FunctionBuilder
    hint: str
    extent: int
    width: int
    unroll: int
    depth: int = 1
    """The number of terms that a step adds to a partial result."""
    end_block: Callable[[], None] | None = None
    """See `Accumulation`."""

    @property
    def steps(self) -> int:
        """The most terms that are added to one partial result, one after the other."""
        return (-(-self.extent // (self.width * self.unroll)) + self.unroll) * self.depth

    @property
    def block(self) -> int:
        """The elements of an iteration of the main loop."""
        return self.width * self.unroll

    def run(
        self,
        accumulators: Sequence[Accumulator],
        iteration: Iteration,
        *,
        parallel: bool = False,
        range_: Range | None = None,
    ) -> None:
        """Emits the loops. With `parallel`, which allows no accumulators, as `scf.parallel`.

        With a range, those over it; ranges are of whole iterations of the main loop, or of what is left behind it.
        """
        main = self.extent // self.block * self.block
        if parallel:
            self.run_parallel([(0, main)], iteration)
            replace(self, unroll=1).run_parallel([(main, self.extent // self.width * self.width)], iteration)
            self._tail(accumulators, iteration)
            return
        if range_ is not None and range_.bounds is not None:
            most = range_.most // self.block
            self._loop(accumulators, iteration).run_between(*range_.bounds, self.block, most)
            return
        if main and range_ is None:
            self._loop(accumulators, iteration).run((0, main, self.block))
        self._rest(accumulators, iteration)

    def _rest(self, accumulators: Sequence[Accumulator], iteration: Iteration) -> None:
        """Emits what is left behind the main loop."""
        main = self.extent // self.block * self.block
        full = self.extent // self.width * self.width
        if full - main == self.width:
            self._steps(self.builder.index(main), 1, accumulators, iteration)
        elif full > main:
            self._loop(accumulators, iteration, unroll=1).run((main, full, self.width))
        self._tail(accumulators, iteration)

    def _tail(self, accumulators: Sequence[Accumulator], iteration: Iteration) -> None:
        full = self.extent // self.width * self.width
        if self.extent > full:
            values = iteration(self.builder.index(full), self.extent - full)
            for accumulator, value in zip(accumulators, values, strict=True):
                accumulator.add(value)

    def _steps(
        self, start: SSAValue, count: int, accumulators: Sequence[Accumulator], iteration: Iteration
    ) -> None:
        for slot in range(count):
            at = self.builder.sum_of([(start, 1)], slot * self.width, self.hint) if slot else start
            for accumulator, value in zip(accumulators, iteration(at, self.width), strict=True):
                accumulator.add(value, slot)

    def _loop(
        self, accumulators: Sequence[Accumulator], iteration: Iteration, unroll: int | None = None
    ) -> Accumulation:
        """A loop of so many steps to an iteration."""
        count = self.unroll if unroll is None else unroll
        slots = [max(count, len(a.values)) for a in accumulators]

        def once(start: SSAValue) -> None:
            self._steps(start, count, accumulators, iteration)

        return Accumulation(self.builder, self.hint, accumulators, slots, once, self.depth, self.end_block)

    def run_parallel(self, ranges: Sequence[tuple[int, int]], iteration: Iteration) -> None:
        """Emits an `scf.parallel` over each of these ranges, of whole iterations of the main loop."""
        for lower, upper in ranges:
            if upper > lower:

                def body(start: SSAValue) -> None:
                    self._steps(start, self.unroll, (), iteration)

                self.builder.parallel([(lower, upper, self.block)], [self.hint], body)


def carried_loop(
    builder: FunctionBuilder,
    extent: int,
    hint: str,
    accumulators: Sequence[Accumulator],
    body: Callable[[SSAValue], None],
    depth: int = 1,
    end_block: Callable[[], None] | None = None,
    range_: Range | None = None,
) -> None:
    """A loop of single steps, all or a range of them, around code that adds to accumulators `depth` terms each time."""
    if extent == 1:
        body(builder.index(0))
        return

    def once(index: SSAValue) -> None:
        body(index)
        for accumulator in accumulators:
            accumulator.join()

    for accumulator in accumulators:
        accumulator.join()
    slots = [1] * len(accumulators)
    loop = Accumulation(builder, hint, accumulators, slots, once, depth, end_block)
    if range_ is None or range_.bounds is None:
        loop.run((0, extent, 1))
    else:
        loop.run_between(*range_.bounds, 1, range_.most)
