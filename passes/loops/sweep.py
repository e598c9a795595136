"""A run along one dim that gathers partial results: independent accumulators, the rest, a masked tail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.reductions import Reduction
from pullback.dialects.graph.scalar import Scalar
from pullback.passes.loops.build import FunctionBuilder
from pullback.passes.loops.vectors import combined

Iteration = Callable[[SSAValue, int], Sequence[Scalar]]
"""Computes what starts at an index, for this many of the elements of a step: one value for each accumulator."""


@dataclass
class Accumulator:
    """The partial results of one reduction; none at first, so that a single step needs no neutral element."""

    op: Reduction
    type: Attribute
    values: list[Scalar]
    hint: str = "sum"

    def neutral(self, builder: FunctionBuilder) -> Scalar:
        element = self.type.element_type if isinstance(self.type, VectorType) else self.type
        return builder.number(self.op.neutral(element), self.type)

    def filled(self, builder: FunctionBuilder, count: int) -> list[SSAValue]:
        """`count` partial results, neutral where there are none yet."""
        missing = [self.neutral(builder)] * (count - len(self.values))
        return [v.value for v in (*self.values, *missing)]

    def add(self, value: Scalar, slot: int = 0) -> None:
        """Combines a value into a slot; the first value of a slot is the slot."""
        if slot < len(self.values):
            self.values[slot] = type(self.op).COMBINE(self.values[slot], value)
        else:
            self.values.append(value)
        self.values[min(slot, len(self.values) - 1)].value.name_hint = self.hint

    def total(self, builder: FunctionBuilder) -> Scalar:
        """All partial results as one."""
        return combined(self.op, self.values) if self.values else self.neutral(builder)


@dataclass(frozen=True)
class Sweep:
    """The steps of `width` elements along an extent, `unroll` of them to an iteration."""

    builder: FunctionBuilder
    hint: str
    extent: int
    width: int
    unroll: int

    def run(
        self, accumulators: Sequence[Accumulator], iteration: Iteration, *, parallel: bool = False
    ) -> None:
        """Emits the loops. With `parallel`, which allows no accumulators, as `scf.parallel`."""
        block = self.width * self.unroll
        main = self.extent // block * block
        full = self.extent // self.width * self.width
        if parallel and full:
            self._parallel(main, full, iteration)
        elif not parallel:
            if main:
                self._loop((0, main, block), accumulators, iteration)
            if full - main == self.width:
                self._steps(self.builder.index(main), 1, accumulators, iteration)
            elif full > main:
                self._loop((main, full, self.width), accumulators, iteration)
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
        self, bounds: tuple[int, int, int], accumulators: Sequence[Accumulator], iteration: Iteration
    ) -> None:
        count = bounds[2] // self.width
        slots = [max(count, len(a.values)) for a in accumulators]
        inits = [v for a, n in zip(accumulators, slots, strict=True) for v in a.filled(self.builder, n)]

        def body(start: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            unpack(accumulators, slots, carried)
            self._steps(start, count, accumulators, iteration)
            return [v.value for a in accumulators for v in a.values]

        if bounds[1] - bounds[0] == bounds[2]:
            self._steps(self.builder.index(bounds[0]), count, accumulators, iteration)
            return
        results = self.builder.loop(bounds, self.hint, inits, body)
        unpack(accumulators, slots, results)

    def _parallel(self, main: int, full: int, iteration: Iteration) -> None:
        block = self.width * self.unroll
        for lower, upper, step in ((0, main, block), (main, full, self.width)):
            if upper > lower:

                def body(start: SSAValue, step: int = step) -> None:
                    self._steps(start, step // self.width, (), iteration)

                self.builder.parallel([(lower, upper, step)], [self.hint], body)


def unpack(accumulators: Sequence[Accumulator], slots: Sequence[int], values: Sequence[SSAValue]) -> None:
    """Sets the partial results of several accumulators from one list."""
    rest = iter(values)
    for accumulator, count in zip(accumulators, slots, strict=True):
        accumulator.values = [Scalar(next(rest)) for _ in range(count)]
        for value in accumulator.values:
            value.value.name_hint = accumulator.hint


def carried_loop(
    builder: FunctionBuilder,
    extent: int,
    hint: str,
    accumulators: Sequence[Accumulator],
    body: Callable[[SSAValue], None],
) -> None:
    """A loop of single steps around code that adds to the accumulators."""
    if extent == 1:
        body(builder.index(0))
        return
    for accumulator in accumulators:
        accumulator.values = [accumulator.total(builder)]
    slots = [1] * len(accumulators)

    def once(index: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
        unpack(accumulators, slots, carried)
        body(index)
        return [a.total(builder).value for a in accumulators]

    inits = [a.values[0].value for a in accumulators]
    unpack(accumulators, slots, builder.loop((0, extent, 1), hint, inits, once))
