"""The loop of a stage: each trip computes the stage for some rows.

%end, %os, %total = graph.while %zero, %no_rows, %zeros … {
  %more = graph.less %trip, %trips                      graph.condition %more
} do {
  %q = graph.gather %qs, %trip                          rows of what is there
  …                                                     the operations of the stage, on these rows
  %following = graph.replace_rows %so_far, …            rows of a result
  %sum = graph.add %part, %term                         a total over rows
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.creation.random import Random
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.elementwise.comparisons import Less
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type, tensor_type
from pullback.passes.recurrences.loop_values import at_end, before
from pullback.passes.row_blocks.row_parts import RowParts, put
from pullback.passes.row_blocks.row_region import RowRegion
from pullback.passes.row_blocks.row_stages import Stage

RowsOf = Callable[[SSAValue, int], Tensor]
"""Emits some rows of a value, along an axis."""


@dataclass(eq=False)
class BlockedLoop:
    """Emits the loop of a stage, and what is left of the rows behind it."""

    region: RowRegion
    stage: Stage
    parts: RowParts
    wholes: dict[SSAValue, Tensor]
    """Values of the region that are there as a whole; those of this stage are added."""

    def emit(self) -> None:
        """Emits them at the place of the stage."""
        assert self.stage.place is not None
        with inserting(before(self.stage.place, self.stage.ops[0])):
            for value, axis in self._read():
                place = self.region.places.get(value)
                self.parts.prepare(value, axis, is_matrix=place is not None and place.is_matrix)
            inits = [Fill.scalar(0, i32), *(Fill.full(0, self._carried(v)) for v in self.stage.outputs)]
            results = self._loop([v.value for v in inits])
            rest = self._rest()
            for value, result in zip(self.stage.outputs, results, strict=True):
                self.wholes[value] = self._whole(value, result, rest.get(value))

    def _read(self) -> list[tuple[SSAValue, int]]:
        """What is read row by row and not made in this stage, and the axes of the rows."""
        made = {op.results[0] for op in self.stage.ops}
        found: dict[tuple[SSAValue, int], None] = {}
        for op in self.stage.ops:
            for number, value in enumerate(op.operands):
                axis = self.region.row_axis(op, number)
                if axis is not None and value not in made:
                    found[value, axis] = None
        return list(found)

    def _axis(self, value: SSAValue) -> int | None:
        """The axis that is rows of a value of the region; None for a total."""
        return self.region.places[value].rows

    def _carried(self, value: SSAValue) -> Attribute:
        """The type in which the loop carries an output."""
        x, axis, blocks = Tensor(value), self._axis(value), self.parts.blocks
        if axis is None:
            return tensor_type(ACCUMULATORS.get(x.element_type, x.element_type), x.extents)
        shape = [blocks.trips, *x.extents]
        shape[axis + 1] = blocks.height
        return tensor_type(x.element_type, shape)

    # ---- the loop ------------------------------------------------------------------------------------------

    def _loop(self, inits: Sequence[SSAValue]) -> list[Tensor]:
        types, like = [v.type for v in inits], self.stage.ops[0]
        condition, body = Block(arg_types=types), Block(arg_types=types)
        with inserting(at_end(condition, like)):
            more = Less.of(Tensor(condition.args[0]), self.parts.blocks.trips)
            insert(Condition.create(operands=[more.value]))
        with inserting(at_end(body, like)):
            insert(Yield.create(operands=self._trip(*map(Tensor, body.args))))
        loop = While.create(operands=inits, result_types=types, regions=[Region(condition), Region(body)])
        insert(loop)
        return [Tensor(v) for v in loop.results[1:]]

    def _trip(self, trip: Tensor, *carried: Tensor) -> list[SSAValue]:
        parts = self.parts
        height = parts.blocks.height
        first = Cast.to(trip, i64) * height if self._draws() else None
        known = self._computed(lambda value, axis: parts.block(value, axis, trip), first, height)
        following = [
            _added(so_far, known[v]) if self._axis(v) is None else put(so_far, trip, known[v])
            for so_far, v in zip(carried, self.stage.outputs, strict=True)
        ]
        return [v.value for v in (trip + 1, *following)]

    def _rest(self) -> Mapping[SSAValue, Tensor]:
        blocks = self.parts.blocks
        if not blocks.rest:
            return {}
        return self._computed(self.parts.rest, Fill.scalar(blocks.whole, i64), blocks.rest)

    def _draws(self) -> bool:
        return any(isinstance(op, Random) for op in self.stage.ops)

    def _whole(self, value: SSAValue, result: Tensor, rest: Tensor | None) -> Tensor:
        axis = self._axis(value)
        if axis is not None:
            return self.parts.keep(value, axis, result, rest)
        return Cast.to(result if rest is None else _added(result, rest), element_type_of(value.type))

    # ---- the operations of the stage -----------------------------------------------------------------------

    def _computed(self, rows_of: RowsOf, first: Tensor | None, height: int) -> Mapping[SSAValue, Tensor]:
        """Emits the operations of the stage on some rows, from the `first` on, which draws need."""
        known: dict[SSAValue, Tensor] = {}
        read: dict[tuple[SSAValue, int], Tensor] = {}
        for op in self.stage.ops:
            operands: list[SSAValue] = []
            for number, value in enumerate(op.operands):
                axis = self.region.row_axis(op, number)
                if axis is None:
                    operands.append(self.wholes[value].value if value in self.wholes else value)
                elif value in known:
                    operands.append(known[value].value)
                else:
                    if (value, axis) not in read:
                        read[value, axis] = rows_of(value, axis)
                    operands.append(read[value, axis].value)
            known[op.results[0]] = self._on_rows(op, operands, first, height)
        return known

    def _on_rows(
        self, op: Operation, operands: Sequence[SSAValue], first: Tensor | None, height: int
    ) -> Tensor:
        """Emits an operation on these operands; its result has so many rows."""
        result = op.results[0]
        shape, axis = list(shape_of_type(result.type)), self._axis(result)
        if isinstance(op, Random) and axis is not None:
            assert first is not None
            made = op.rows(Tensor(operands[0]), first, height, axis)
        else:
            if axis is not None:
                shape[axis] = height
            made = type(op).create(
                operands=operands,
                result_types=[tensor_type(element_type_of(result.type), shape)],
                properties=dict(op.properties),
            )
        made.attributes |= op.attributes
        insert(made)
        made.location = op.location
        return Tensor(made.results[0])


def _added(total: Tensor, term: Tensor) -> Tensor:
    return total + Cast.to(term, total.element_type)
