"""Products whose second factor is other than 0 at one term of each block: the gradient of filters behind pooling.

    for each part of the images, in parallel:
      totals[part] = 0
      for each image n of the part, and some rows h of blocks of 2 x 2 pixels:
        for each block (h, w), and each output o:
          selected[h, w, o] = the element of dy[n, 2 h + (0, 1), 2 w + (0, 1), o] that is not 0
          place[h, w, o] = how far from x[n, 2 h, 2 w] its pixel is
        for each output o:
          sums = 0, in registers
          for each block (h, w): sums[i, :] += x[n, 2 h + i, 2 w, :] at that place * selected[h, w, o]    for each i
          totals[part, o, i, :] += sums
    for each row (i, jc) of the result, in parallel:
      df[i, jc, :] = what the kernel makes of the sum of all totals

So there are a quarter of the products, whose vectors are along x. Those that are left out are 0 unless x is infinite or
NaN there. That is asked of all that is read for some blocks; if it is not finite, their places have their turn one by
one, until all products are added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.border import are_zero
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.operand_place import StoredPlace
from pullback.passes.loops.products.part_totals import PartTotals
from pullback.passes.loops.products.selected_elements import Carried, SelectedElements
from pullback.passes.loops.products.selection_plan import SelectionPlan
from pullback.passes.lowering.code_builder import Term, splat

CHAINS = 4
"""Sums that are formed beside each other where each addition would wait for the last."""


class SelectedTerms:
    """Lowers one product, part by part of its terms, as `TermParts` does."""

    def __init__(self, plan: SelectionPlan) -> None:
        self.plan, self.blocks = plan, plan.blocks
        self.kernel, self.builder = plan.blocks.kernel, plan.blocks.builder
        self.extents, self.count = plan.blocks.extents, plan.blocks.count
        self.totals = PartTotals.of(plan.blocks, plan.parts, [plan.blocks.columns, *plan.others], plan.row)

    def lower(self) -> None:
        """The totals of all parts, then the results."""
        builder = self.builder
        with builder.entering(builder.block):
            builder.parallel([(0, self.plan.parts, 1)], ["part"], self._part)
            self.totals.store_results()

    # ---- parts ------------------------------------------------------------------------------------------

    def _part(self, part: SSAValue) -> None:
        """The totals of one part."""
        builder, plan = self.builder, self.plan
        self.totals.clear(part)
        selected = SelectedElements.on_stack(plan, builder)
        lower = builder.product(part, plan.part, "first")
        upper = builder.at_most(
            builder.sum_of([(lower, 1)], plan.part, "end"), self.extents[self.blocks.terms[0]]
        )

        def nest(dims: Sequence[int], x: StoredPlace, dy: StoredPlace) -> None:
            if not dims:
                self._blocks(part, x, dy, selected)
                return
            dim, *inner = dims

            def at(index: SSAValue, _: Carried) -> list[SSAValue]:
                nest(inner, x.moved({dim: index}), dy.moved({dim: index}))
                return []

            is_first = dim == self.blocks.terms[0]
            bounds = (lower, upper) if is_first else (builder.index(0), builder.index(self.extents[dim]))
            builder.loop_between((*bounds, builder.index(plan.step(dim))), "term", [], at)

        inputs = self.kernel.root.inputs
        x, dy = (StoredPlace.at(builder, inputs[f.argument], f.offset) for f in (plan.a, plan.b))
        nest([*plan.outside, plan.cut], x, dy)

    def _blocks(self, part: SSAValue, x: StoredPlace, dy: StoredPlace, selected: SelectedElements) -> None:
        """Adds some blocks of terms: in one turn, or in as many as they have places."""
        builder, is_finite = self.builder, self._is_finite(x)
        one, all_ = builder.index(1), builder.index(len(self.plan.places))
        turns = select(Scalar(is_finite), Scalar(one), Scalar(all_)).value

        def turn(number: SSAValue, _: Carried) -> list[SSAValue]:
            builder.when(is_finite, lambda: selected.select(dy), lambda: selected.take(dy, number))
            self._add(part, x, selected)
            return []

        builder.loop_between((builder.index(0), turns, one), "turn", [], turn)

    def _is_finite(self, x: StoredPlace) -> SSAValue:
        """Tells whether all is finite in the memory that some blocks of terms read of the first factor."""
        builder, count, plan = self.builder, self.count, self.plan
        steps = {d: self.extents[d] - 1 for d in (*plan.others, plan.row, *plan.inside)}
        size = 1 + plan.distance({**steps, plan.cut: plan.along * plan.extent(plan.cut) - 1})
        zero, together = builder.number(0, vector_type(plan.element_type, count)), CHAINS * count

        def added(place: StoredPlace, sums: Carried, exist: int) -> list[SSAValue]:
            made = list(sums)
            for n, first in enumerate(range(0, exist, count)):
                vector = place.vector({plan.row: first}, plan.row, count, min(exist - first, count))
                made[n] = multiply_add(vector, zero, made[n])
            return made

        def at(index: SSAValue, sums: Carried) -> list[SSAValue]:
            return added(x.further(((index, 1),)), sums, together)

        whole, sums = size // together * together, [zero.value] * CHAINS
        if whole:
            sums = builder.loop((0, whole, together), "at", sums, at)
        return are_zero(added(x.further((), whole), sums, size - whole))

    # ---- sums -------------------------------------------------------------------------------------------

    def _add(self, part: SSAValue, x: StoredPlace, selected: SelectedElements) -> None:
        """Adds the products of what is selected to all totals of a part."""
        columns = self.blocks.columns

        def each_column(x: StoredPlace, at: dict[int, SSAValue], size: int) -> None:
            def column(column: SSAValue, _: Carried) -> list[SSAValue]:
                self._add_sums(part, x, {**at, columns: column}, size, selected)
                return []

            self.builder.loop((0, self.extents[columns], 1), "column", [], column)

        def nest(dims: Sequence[int], x: StoredPlace, at: dict[int, SSAValue]) -> None:
            if not dims:
                self._each_panel(x, at, each_column)
                return
            dim, *inner = dims

            def body(index: SSAValue, _: Carried) -> list[SSAValue]:
                nest(inner, x.moved({dim: index}), {**at, dim: index})
                return []

            self.builder.loop((0, self.extents[dim], 1), f"i{dim}", [], body)

        nest(self.plan.looped, x, {})

    def _each_panel(
        self,
        x: StoredPlace,
        at: dict[int, SSAValue],
        body: Callable[[StoredPlace, dict[int, SSAValue], int], None],
    ) -> None:
        """Loops over panels of rows that are lanes, the last of which may be smaller."""
        row, width = self.plan.row, self.plan.vectors * self.count
        extent = self.extents[row]
        full = extent // width * width

        def panel(first: SSAValue, _: Carried) -> list[SSAValue]:
            body(x.moved({row: first}), {**at, row: first}, width)
            return []

        if full:
            self.builder.loop((0, full, width), "panel", [], panel)
        if full < extent:
            last = self.builder.index(full)
            body(x.moved({row: last}), {**at, row: last}, extent - full)

    def _add_sums(
        self,
        part: SSAValue,
        x: StoredPlace,
        at: Mapping[int, SSAValue],
        size: int,
        selected: SelectedElements,
    ) -> None:
        """Adds the sums of one column and some rows over some blocks of terms, which are in registers."""
        count, row, together = self.count, self.plan.row, self.plan.together
        others = product(*(range(self.extents[d]) for d in together))
        rows = [dict(zip(together, steps, strict=True)) for steps in others]
        vectors = [{**steps, row: first} for steps in rows for first in range(0, size, count)]

        def block(x: StoredPlace, number: list[Term], sums: Carried) -> Carried:
            element, place = selected.load(number, at[self.blocks.columns])
            here, factor = x.further(((place, 1),)), splat(element, count)
            return [
                multiply_add(factor, here.vector(steps, row, count, min(size - steps[row], count)), total)
                for steps, total in zip(vectors, sums, strict=True)
            ]

        zero = self.builder.number(0, vector_type(self.plan.element_type, count)).value
        sums = selected.each_block(x, [zero] * len(vectors), block)
        for steps, value in zip(vectors, sums, strict=True):
            self.totals.add(part, at, steps, Scalar(value))
