"""Elements that are selected of the second factor of a product, one for each block of terms and each column, and where.

The place is how far from that of the block's first term the first factor is read, in elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.upstream.arith import IndexCastOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.operand_place import StoredPlace
from pullback.passes.loops.products.panel_loops import on_stack
from pullback.passes.loops.products.selection_plan import SelectionPlan
from pullback.passes.loops.vector_access import store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView, index_of
from pullback.passes.lowering.code_builder import CodeBuilder, Term, result_of, splat
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.strided_layout import StridedLayout

Carried = Sequence[SSAValue]


@dataclass(frozen=True)
class SelectedElements:
    """Memory for the elements, and the places, of the blocks of terms that are added up at once."""

    plan: SelectionPlan
    builder: CodeBuilder
    elements: BufferView
    places: BufferView

    @staticmethod
    def on_stack(plan: SelectionPlan, builder: FunctionBuilder) -> SelectedElements:
        """Memory on the stack."""
        shape = plan.along * plan.count_of_blocks(plan.inside), plan.width
        layout = StridedLayout(shape, (shape[1], 1))
        elements = on_stack(builder, layout, plan.element_type, "selected")
        return SelectedElements(plan, builder, elements, on_stack(builder, layout, i32, "places"))

    # ---- loops ------------------------------------------------------------------------------------------

    def each_block(
        self,
        place: StoredPlace,
        carried: Carried,
        body: Callable[[StoredPlace, list[Term], Carried], Carried],
    ) -> Carried:
        """Loops over blocks of terms; `body` is given where one begins, its row in memory, and what is carried."""
        plan = self.plan
        dims = [(plan.cut, plan.along), *((d, plan.count_of_blocks([d])) for d in plan.inside)]

        def nest(at: int, place: StoredPlace, row: list[Term], carried: Carried) -> Carried:
            if at == len(dims):
                return body(place, row, carried)
            (dim, count), stride = dims[at], plan.width * prod(n for _, n in dims[at + 1 :])

            def block(index: SSAValue, carried: Carried) -> list[SSAValue]:
                first = self.builder.product(index, plan.extent(dim), "first")
                return list(nest(at + 1, place.moved({dim: first}), [*row, (index, stride)], carried))

            return self.builder.loop((0, count, 1), "block", carried, block)

        return nest(0, place, [], carried)

    def _each_vector(self, dy: StoredPlace, body: Callable[[StoredPlace, list[Term], int], None]) -> None:
        """Loops over blocks of terms, and vectors of columns, of which the last may be shorter."""
        builder, count, dim = self.builder, self.plan.blocks.count, self.plan.blocks.columns
        columns = self.plan.blocks.extents[dim]
        full = columns // count * count

        def block(dy: StoredPlace, row: list[Term], _: Carried) -> Carried:
            def column(column: SSAValue, _: Carried) -> list[SSAValue]:
                body(dy.moved({dim: column}), [*row, (column, 1)], count)
                return []

            if full:
                builder.loop((0, full, count), "column", [], column)
            if full < columns:
                last = builder.index(full)
                body(dy.moved({dim: last}), [*row, (last, 1)], columns - full)
            return []

        self.each_block(dy, [], block)

    # ---- elements ---------------------------------------------------------------------------------------

    def select(self, dy: StoredPlace) -> None:
        """Selects the element of each block that is not 0: it is the sum of them all."""
        type_, columns = vector_type(i32, self.plan.blocks.count), self.plan.blocks.columns
        first, *others = self.plan.places

        def vector(dy: StoredPlace, at: list[Term], size: int) -> None:
            element = dy.vector(first, columns, self.plan.blocks.count, size)
            place = self.builder.number(0, type_)
            for steps in others:
                other = dy.vector(steps, columns, self.plan.blocks.count, size)
                here = self.builder.number(self.plan.distance(steps), type_)
                element, place = element + other, select(other.not_equal(0), here, place)
            self._store(element, place, at)

        self._each_vector(dy, vector)

    def take(self, dy: StoredPlace, turn: SSAValue) -> None:
        """Takes the element of each block whose turn it is, whatever it is."""
        builder, blocks, indices, left = self.builder, self.plan.blocks, dict[int, SSAValue](), turn
        for dim, extent in reversed(list(self.plan.one_in.items())):
            indices[dim] = builder.remainder(left, extent, "place")
            left = builder.quotient(left, extent, "left")
        steps = self.plan.a.offset.coefficients
        distance = builder.sum_of(((index, steps[dim]) for dim, index in indices.items()), 0)
        place = splat(Scalar(result_of(IndexCastOp(distance, i32), "place")), blocks.count)

        def vector(dy: StoredPlace, at: list[Term], size: int) -> None:
            self._store(dy.vector({}, blocks.columns, blocks.count, size), place, at)

        self._each_vector(dy.moved(indices), vector)

    def _store(self, element: Scalar, place: Scalar, at: Sequence[Term]) -> None:
        lanes = Lanes(self.plan.blocks.columns, self.plan.blocks.count)
        for view, value in ((self.elements, element), (self.places, place)):
            store_vector(view, self.builder, lanes, value, (at, 0, 1))

    def load(self, row: list[Term], column: SSAValue) -> tuple[Scalar, SSAValue]:
        """An element, and its place."""
        at = [*row, (column, 1)]
        return self.elements.load(self.builder, at, 0), index_of(self.places.load(self.builder, at, 0))
