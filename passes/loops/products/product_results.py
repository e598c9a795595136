"""The results of a product: what the kernel makes of its sums, computed and stored row by row.

A block's sums are stored from registers where little is done with each of them. Else they go through memory on the
stack, so that the code for one row serves all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_plan import ProductPlan
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, mask_before, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.nodes import Compute, Contraction, cone

FEW_NODES = 3
"""Operations on each sum up to which the code for all rows is written out, where sums are short."""
LONG_SUMS = 128
"""Terms from which a sum takes so long that to store and load it costs less than a longer code: below 2 %."""


@dataclass(frozen=True)
class ProductResults:
    """What is computed with the sums, and stored."""

    kernel: KernelFunction
    product: Contraction
    axes: ProductAxes
    plan: ProductPlan

    @property
    def are_simple(self) -> bool:
        """Tells whether so little is done with each sum that it is done in registers: long sums are only stored."""
        nodes = cone([node for output in self.kernel.outputs for node in output.nodes], self._is_product)
        if self.axes.terms.size >= LONG_SUMS:
            return len(nodes) == len(self.kernel.outputs) == 1
        return sum(isinstance(node, Compute) for node in nodes) <= FEW_NODES

    def _is_product(self, node: object) -> bool:
        return node is self.product

    def columns(self, root: LoopLevel, first: SSAValue) -> list[LoopLevel]:
        """A level for each vector of the columns of a panel, which begins at one."""
        builder, plan, axis = self.kernel.builder, self.plan, self.axes.columns
        levels: list[LoopLevel] = []
        for start in range(0, plan.columns.width, plan.count):
            at = builder.sum_of([(first, 1)], start, "column")
            mask = self._mask(at, start)
            lanes = Lanes(axis.last, plan.count, mask)
            levels.append(root.inside(builder.insertion_point, axis.indices(builder, at), lanes))
        return levels

    def _mask(self, first: SSAValue, start: int) -> SSAValue | None:
        """The mask of the vector at `start` of a panel; None where all its columns exist."""
        columns, builder, count = self.plan.columns, self.kernel.builder, self.plan.count
        if not columns.has_edge:
            return None
        if columns.panels == 1:
            size = columns.size - start
            return None if size >= count else tail_mask(builder, size, count)
        return mask_before(builder, columns.size, first, count)

    # ---- from registers ---------------------------------------------------------------------------------

    def store(
        self, sums: Sequence[Scalar], rows: tuple[SSAValue, SSAValue], columns: Sequence[LoopLevel]
    ) -> None:
        """Computes and stores what is made of the sums of a block, from its first row on that no other block has."""
        builder, (first, new) = self.kernel.builder, rows
        for number in range(self.plan.rows.width):
            at = builder.sum_of([(first, 1)], number, "row")
            of_row = sums[number * len(columns) : (number + 1) * len(columns)]

            def row(at: SSAValue = at, of_row: Sequence[Scalar] = of_row) -> None:
                for level, value in zip(columns, of_row, strict=True):
                    self._finish(level, at, value)

            if self.plan.rows.has_edge and number < self.plan.rows.width - 1:
                builder.when(builder.is_from(at, new), row)
            else:
                row()

    def _finish(self, column: LoopLevel, row: SSAValue, value: Scalar) -> None:
        """Stores what is made of the sums of a row in some columns."""
        builder = self.kernel.builder
        level = column.inside(builder.insertion_point, self.axes.rows.indices(builder, row))
        level.known[self.product] = value
        level.store_outputs(self.kernel.outputs, self.kernel.results)

    # ---- by way of memory -------------------------------------------------------------------------------

    def keep(
        self, sums: Sequence[Scalar], view: BufferView, at: tuple[SSAValue, SSAValue], *, adds: bool
    ) -> None:
        """Stores the sums of a block in memory, from a row and a column of it on, or adds them to what is there."""
        builder, plan = self.kernel.builder, self.plan
        lanes = Lanes(self.axes.columns.last, plan.count)
        for number, value in enumerate(sums):
            row, vector = divmod(number, plan.vectors)
            constant = row * view.layout.strides[0] + vector * plan.count
            terms = self._place(view, *at)
            if adds:
                value = load_vector(view, builder, lanes, terms, constant, 1) + value.cast(view.element_type)
            store_vector(view, builder, lanes, value, (terms, constant, 1))

    def store_kept(
        self,
        view: BufferView,
        at: tuple[SSAValue, SSAValue],
        rows: tuple[SSAValue, SSAValue],
        columns: Sequence[LoopLevel],
    ) -> None:
        """Computes and stores what is made of the sums of a block that are kept, as `store` does."""
        builder, (first, new) = self.kernel.builder, rows
        start = builder.minus(new, first, "start") if self.plan.rows.has_edge else builder.index(0)
        lanes = Lanes(self.axes.columns.last, self.plan.count)

        def row(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            row = builder.sum_of([(first, 1), (number, 1)], 0, "row")
            terms = [*self._place(view, *at), (number, view.layout.strides[0])]
            for vector, level in enumerate(columns):
                value = load_vector(view, builder, lanes, terms, vector * self.plan.count, 1)
                self._finish(level, row, value.cast(self.product.element_type))
            return []

        bounds = start, builder.index(self.plan.rows.width), builder.index(1)
        builder.loop_between(bounds, "row", [], row)

    def _place(self, view: BufferView, row: SSAValue, column: SSAValue) -> list[Term]:
        return [(row, view.layout.strides[0]), (column, 1)]
