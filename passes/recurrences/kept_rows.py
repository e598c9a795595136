"""The values that something in a loop's body takes over the trips, as one tensor with a row for each trip."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from xdsl.dialects.builtin import i64
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.stacks import EmptyStack, Pop, Push
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.passes.recurrences.known_trips import Progression, counter_of, sequence_of, trip_count
from pullback.passes.recurrences.loop_values import before, bytes_of_row, carry, yield_next, yield_of
from pullback.passes.recurrences.row_products import row_of_sequence


@dataclass
class KeptRows:
    """Keeps values of one loop, each once: row `order.at(trip)` holds the one of that trip."""

    loop: While
    trips: int
    order: Progression
    """Rows count upwards from 0, or downwards to it."""
    _known: dict[SSAValue, Tensor] = field(default_factory=dict[SSAValue, Tensor])
    _others: dict[While, KeptRows] = field(default_factory=dict["While", "KeptRows"])
    _row: Tensor | None = None

    @classmethod
    def of(cls, loop: While, trips: int) -> KeptRows:
        """The rows are in the order of a counter that the loop has: of one that counts downwards, backwards."""
        steps = [c.step for at in range(len(loop.operands)) if (c := counter_of(loop, at)) is not None]
        return cls(
            loop, trips, Progression(trips - 1, -1) if -1 in steps and 1 not in steps else Progression(0, 1)
        )

    # ---- what it takes ----------------------------------------------------------------------------------

    def cost(self, value: SSAValue) -> int:
        """The bytes of memory that keeping a value takes."""
        if value in self._known or self._whole_sequence(value) is not None:
            return 0
        pushed = self.pushed(value)
        if pushed is not None:
            loop, inner = pushed
            if self._rows_of(loop)._whole_sequence(inner) is not None:
                return 0
        return self.trips * bytes_of_row(value)

    # ---- the rows ---------------------------------------------------------------------------------------

    def keep(self, value: SSAValue) -> Tensor:
        """The tensor of the values, to be used behind the loop: (trips, …)."""
        if value not in self._known:
            self._known[value] = self._kept(value)
        return self._known[value]

    def _kept(self, value: SSAValue) -> Tensor:
        whole = self._whole_sequence(value)
        if whole is not None:
            return whole
        pushed = self.pushed(value)
        if pushed is not None:
            loop, inner = pushed
            return self._rows_of(loop).keep(inner)
        already = self._written_already(value)
        return self._written(value) if already is None else already

    def _whole_sequence(self, value: SSAValue) -> Tensor | None:
        """The tensor of which the trips read one row after the other, all of them, in our order."""
        row = row_of_sequence(value, self.loop)
        if row is None or sequence_of(row.operands[1], self.loop, self.trips) != self.order:
            return None
        rows = Tensor(row.operands[0])
        return rows if rows.extents[0] == self.trips else None

    def pushed(self, value: SSAValue) -> tuple[While, SSAValue] | None:
        """The loop that pushed what this loop pops, trip by trip backwards, and the value there."""
        pop = value.owner
        if not isinstance(pop, Pop) or value is not pop.results[1]:
            return None
        stack = pop.operands[0]
        if not isinstance(stack, BlockArgument) or stack.block is not self.loop.body.block:
            return None
        source = self.loop.operands[stack.index]
        if yield_of(self.loop).operands[stack.index] is not pop.results[0] or not isinstance(
            source, OpResult
        ):
            return None
        loop = source.op
        if not isinstance(loop, While) or not isinstance(loop.operands[source.index].owner, EmptyStack):
            return None
        push = yield_of(loop).operands[source.index].owner
        grown = loop.body.block.args[source.index]
        if not isinstance(push, Push) or push.operands[0] is not grown or trip_count(loop) != self.trips:
            return None
        return loop, push.operands[1]

    def _rows_of(self, loop: While) -> KeptRows:
        """The rows of a loop that this one undoes: its last trip is our first."""
        if loop not in self._others:
            order = Progression(self.order.at(self.trips - 1), -self.order.step)
            self._others[loop] = KeptRows(loop, self.trips, order)
        return self._others[loop]

    def _written_already(self, value: SSAValue) -> Tensor | None:
        """The tensor of all rows that the loop carries already, if it does: others may have kept the value."""
        for at, following in enumerate(yield_of(self.loop).operands):
            op, so_far = following.owner, self.loop.body.block.args[at]
            if not isinstance(op, ReplaceRows) or op.operands[0] is not so_far:
                continue
            slices = op.operands[1].owner
            if not isinstance(slices, MakeSlices) or _unshaped(slices.operands[0]) is not value:
                continue
            numbers = sequence_of(_unshaped(slices.operands[1]), self.loop, self.trips)
            extents = (self.trips, *Tensor(value).extents)
            if numbers == self.order and Tensor(so_far).extents == extents:
                return Tensor(self.loop.results[at])
        return None

    def _written(self, value: SSAValue) -> Tensor:
        """Carries a tensor of all rows through the loop; each trip writes one."""
        made, loop, x = value.owner, self.loop, Tensor(value)
        like = made if isinstance(made, Operation) else loop
        with inserting(before(loop, like)):
            rows = Fill.full(0, tensor_type(x.element_type, (self.trips, *x.extents)))
        row = self.row_number()
        so_far = Tensor(carry(loop, rows.value))
        with inserting(before(yield_of(loop), like)):
            slices = MakeSlices.make(Reshape.to(x, (1, *x.extents)), Reshape.to(row, (1,)), so_far)
            following = ReplaceRows.of(so_far, slices)
        return Tensor(yield_next(loop, following.value))

    def row_number(self) -> Tensor:
        """The number of this trip's row, from a counter of the loop, or from one that it gets."""
        if self._row is not None:
            return self._row
        loop, block = self.loop, self.loop.body.block
        for argument in block.args:
            counter = counter_of(loop, argument.index)
            if counter is not None and counter.step == self.order.step:
                first = block.first_op
                assert first is not None
                with inserting(before(first, loop)):
                    shift = self.order.first - counter.first
                    self._row = Tensor(argument) + shift if shift else Tensor(argument)
                return self._row
        with inserting(before(loop)):
            first = Fill.full(self.order.first, tensor_type(i64, ()))
        self._row = Tensor(carry(loop, first.value))
        with inserting(before(yield_of(loop))):
            following = self._row + self.order.step
        yield_next(loop, following.value)
        return self._row


def _unshaped(value: SSAValue) -> SSAValue:
    """What a value is a reshape of, or the value."""
    op = value.owner
    return op.operands[0] if isinstance(op, Reshape) else value


def flattened(rows: Tensor) -> Tensor:
    """The rows of matrices, one below the other."""
    return Reshape.to(rows, (prod(rows.extents[:-1]), rows.extents[-1]))
