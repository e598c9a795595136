"""Partial results that loops carry; long sums run in blocks (see `long_sums`).

Of the sum of a row of 1000 elements, in vectors of 8, come two blocks of 48 vectors, and a loop for the rest:

    %sum_so_far = scf.for %column = %c0 to %c768 step %c384 iter_args(%sum_so_far_1 = %0) -> (vector<8xf64>) {
      %end = arith.addi %column, %c384
      %sum = scf.for %column_2 = %column to %end step %c8 iter_args(%sum_1 = %1) -> (vector<8xf32>) { … }
      %2 = arith.extf %sum : vector<8xf32> to vector<8xf64>
      %sum_so_far_2 = arith.addf %sum_so_far_1, %2
      scf.yield %sum_so_far_2
    }
    %sum_3 = scf.for %column_3 = %c768 to %c1000 step %c8 iter_args(%sum_4 = %1) -> (vector<8xf32>) { … }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.op.scalar import Scalar, with_element_type
from pullback.passes.loops.vectors import across_lanes, combined
from pullback.passes.lowering.code_builder import CodeBuilder, combine
from pullback.passes.lowering.long_sums import BLOCK, total_type

Bounds: TypeAlias = tuple[SSAValue, SSAValue, SSAValue]
"""Lower, upper, step."""


@dataclass
class Accumulator:
    """The partial results of one reduction; none at first, so that a single step needs no neutral element."""

    op: Reduction
    type: Attribute
    values: list[Scalar]
    hint: str = "sum"
    earlier: Scalar | None = None
    """The total of the blocks that are done, in higher precision."""

    @property
    def total_type(self) -> Attribute | None:
        """The type of totals of many terms; `None` where they are exact, or as they are in any order."""
        element_type = total_type(self.op, element_of(self.type))
        return None if element_type is None else with_element_type(self.type, element_type)

    def neutral(self, builder: CodeBuilder, type_: Attribute | None = None) -> Scalar:
        type_ = self.type if type_ is None else type_
        return builder.number(self.op.neutral(element_of(type_)), type_)

    def filled(self, builder: CodeBuilder, count: int) -> list[SSAValue]:
        """`count` partial results, neutral where there are none yet."""
        missing = [self.neutral(builder)] * (count - len(self.values))
        return [v.value for v in (*self.values, *missing)]

    def add(self, value: Scalar, slot: int = 0) -> None:
        """Combines a value into a slot; the first value of a slot is the slot."""
        if slot < len(self.values):
            self.values[slot] = combine(self.op, self.values[slot], value)
        else:
            self.values.append(value)
        self.values[min(slot, len(self.values) - 1)].value.name_hint = self.hint

    def join(self) -> None:
        """Makes one of several partial results."""
        if self.values:
            self.values = [combined(self.op, self.values)]

    def end_block(self) -> None:
        """Adds what there is to the total of earlier blocks."""
        if self.total_type is None or not self.values:
            return
        value = combined(self.op, self.values).cast(element_of(self.total_type))
        self.earlier = value if self.earlier is None else combine(self.op, self.earlier, value)
        self.earlier.value.name_hint = f"{self.hint}_so_far"
        self.values = []

    def partial_total(self, builder: CodeBuilder) -> Scalar:
        """All partial results as one, of the type of totals: that of one part of the terms."""
        if self.total_type is None:
            return self.total(builder)
        self.end_block()
        return self.neutral(builder, self.total_type) if self.earlier is None else self.earlier

    def begin_with(self, total: Scalar) -> None:
        """Takes the total of terms that were combined elsewhere."""
        if self.total_type is None:
            self.values = [total]
        else:
            self.earlier = total

    def total(self, builder: CodeBuilder) -> Scalar:
        """All partial results as one."""
        if self.earlier is not None:
            self.end_block()
            return self.earlier.cast(element_of(self.type))
        return combined(self.op, self.values) if self.values else self.neutral(builder)

    def total_across_lanes(self, builder: CodeBuilder) -> Scalar:
        """All partial results, in all lanes, as one number."""
        if self.earlier is None:
            return across_lanes(self.op, self.total(builder))
        self.end_block()
        return across_lanes(self.op, self.earlier).cast(element_of(self.type))


def element_of(type_: Attribute) -> Attribute:
    """The type of one lane."""
    return type_.element_type if isinstance(type_, VectorType) else type_


def unpack(accumulators: Sequence[Accumulator], slots: Sequence[int], values: Sequence[SSAValue]) -> None:
    """Sets the partial results of several accumulators from one list."""
    rest = iter(values)
    for accumulator, count in zip(accumulators, slots, strict=True):
        accumulator.values = [Scalar(next(rest)) for _ in range(count)]
        for value in accumulator.values:
            value.value.name_hint = accumulator.hint


@dataclass(frozen=True)
class Accumulation:
    """A loop that adds to accumulators.

    Args:
        accumulators: with `slots` partial results each.
        once: one iteration, from its index on.
        depth: how many terms an iteration adds to a partial result.
        end_block: what else there is to do when a block is done, for sums that are kept elsewhere.
    """

    builder: CodeBuilder
    hint: str
    accumulators: Sequence[Accumulator]
    slots: Sequence[int]
    once: Callable[[SSAValue], None]
    depth: int = 1
    end_block: Callable[[], None] | None = None

    def run(self, bounds: tuple[int, int, int]) -> None:
        """Emits the loop over (lower, upper, step): one, or one around blocks and one for the rest."""
        lower, upper, step = bounds
        count = (upper - lower) // step
        if not self._keeps_totals or count * self.depth <= BLOCK:
            self._plain(bounds)
            return
        block = max(BLOCK // self.depth, 1)
        blocks = count // block * block
        first, last, width = map(self.builder.index, (lower, lower + blocks * step, block * step))
        self._blocks((first, last, width), block * step, step)
        if blocks < count:
            self._plain((lower + blocks * step, upper, step))

    def run_between(self, lower: SSAValue, upper: SSAValue, step: int, most: int) -> None:
        """Emits the loop from one value to another, of at most `most` iterations."""
        if not self._keeps_totals or most * self.depth <= BLOCK:
            self._loop((lower, upper, self.builder.index(step)), self._carried())
        else:
            size = max(BLOCK // self.depth, 1) * step
            self._blocks((lower, upper, self.builder.index(size)), size, step, is_even=False)

    @property
    def _keeps_totals(self) -> bool:
        return self.end_block is not None or any(a.total_type is not None for a in self.accumulators)

    def _plain(self, bounds: tuple[int, int, int]) -> None:
        if bounds[1] - bounds[0] == bounds[2]:
            self.once(self.builder.index(bounds[0]))
            return
        inits = self._carried()
        lower, upper, step = map(self.builder.index, bounds)
        self._loop((lower, upper, step), inits)

    def _loop(self, bounds: Bounds, inits: Sequence[SSAValue]) -> None:
        def body(start: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            unpack(self.accumulators, self.slots, carried)
            self.once(start)
            return self._carried()

        results = self.builder.loop_between(bounds, self.hint, inits, body)
        unpack(self.accumulators, self.slots, results)

    def _carried(self) -> list[SSAValue]:
        pairs = zip(self.accumulators, self.slots, strict=True)
        return [v for a, n in pairs for v in a.filled(self.builder, n)]

    # ---- blocks -----------------------------------------------------------------------------------------

    def _blocks(self, bounds: Bounds, size: int, step: int, *, is_even: bool = True) -> None:
        """The loop around the blocks carries the totals so far, and whatever needs no blocks as it is.

        Unless they are `is_even`, the last of them ends where all do.
        """

        def body(start: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            self._enter(carried)
            if size == step:
                self.once(start)
            else:
                end = self.builder.sum_of([(start, 1)], size, self.hint)
                end = end if is_even else self.builder.least(end, bounds[1])
                self._loop((start, end, self.builder.index(step)), self._carried())
            if self.end_block is not None:
                self.end_block()
            return self._left()

        self._enter(self.builder.loop_between(bounds, self.hint, self._left(), body))

    def _left(self) -> list[SSAValue]:
        """The values that a block carries to the next."""
        left: list[SSAValue] = []
        for accumulator, slots in zip(self.accumulators, self.slots, strict=True):
            if (type_ := accumulator.total_type) is None:
                left += accumulator.filled(self.builder, slots)
                continue
            accumulator.end_block()
            earlier = accumulator.earlier
            left.append((accumulator.neutral(self.builder, type_) if earlier is None else earlier).value)
        return left

    def _enter(self, carried: Sequence[SSAValue]) -> None:
        """Takes the values that a block passed on."""
        rest = iter(carried)
        for accumulator, slots in zip(self.accumulators, self.slots, strict=True):
            if accumulator.total_type is None:
                unpack([accumulator], [slots], [next(rest) for _ in range(slots)])
                continue
            accumulator.values, accumulator.earlier = [], Scalar(next(rest))
            accumulator.earlier.value.name_hint = f"{accumulator.hint}_so_far"
