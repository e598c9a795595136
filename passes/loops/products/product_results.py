"""The results of a product: what the kernel makes of its sums, computed and stored row by row.

A block's sums are stored from registers where little is done with each of them. Else they go through memory on the
stack, so that the code for one row serves all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import i1
from xdsl.dialects.vector import CreateMaskOp
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.transfers import transfer_write
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.fetch_ahead import SECOND_LEVEL
from pullback.passes.loops.products.panel_vectors import panel_vectors
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_operand import last_of_each_line
from pullback.passes.loops.products.product_plan import ProductPlan
from pullback.passes.loops.products.whole_matrix import store_matrix
from pullback.passes.loops.vector_access import both, load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, mask_before, row_of, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, result_of
from pullback.passes.lowering.nodes import Compute, Contraction, Load, cone
from pullback.passes.lowering.outputs import Output
from pullback.passes.lowering.vector_registers import SMALL_OPERAND

FEW_NODES = 3
"""Operations on each sum up to which the code for all rows is written out, where sums are short."""
FETCHED_TERMS = 64
"""Terms from which a block takes so long that what it reads and writes beside its operands can be fetched meanwhile."""
LONG_SUMS = 128
"""Terms from which a sum takes so long that to store and load it costs less than a longer code: below 2 %."""


@dataclass(frozen=True)
class ProductResults:
    """What is computed with the sums, and stored."""

    kernel: KernelFunction
    product: Contraction
    axes: ProductAxes
    plan: ProductPlan
    sums: Output | None = None
    """Where the sums so far are, if blocks of terms are resumed."""

    @property
    def are_simple(self) -> bool:
        """Tells whether so little is done with each sum that it is done in registers: long sums are only stored."""
        nodes = cone([node for output in self.kernel.outputs for node in output.nodes], self._is_product)
        if self.axes.terms.size >= LONG_SUMS:
            return len(nodes) == len(self.kernel.outputs) == 1
        return sum(isinstance(node, Compute) for node in nodes) <= FEW_NODES

    def _is_product(self, node: object) -> bool:
        return node is self.product

    def columns(self, root: LoopLevel, first: SSAValue, vectors: int | None = None) -> list[LoopLevel]:
        """A level for each vector of a panel of columns from one on, of so many registers, or as many as others."""
        builder, plan, axis = self.kernel.builder, self.plan, self.axes.columns
        vectors = vectors or plan.vectors
        levels: list[LoopLevel] = []
        for start, count in panel_vectors(vectors, plan.count):
            at = builder.sum_of([(first, 1)], start, "column")
            mask = self._mask(at, start, count, vectors)
            lanes = Lanes(axis.last, count, mask)
            levels.append(root.inside(builder.insertion_point, axis.indices(builder, at), lanes))
        return levels

    def _mask(self, first: SSAValue, start: int, count: int, vectors: int) -> SSAValue | None:
        """The mask of `count` lanes at `start` of a panel of so many registers; None where all its columns exist."""
        columns, builder = self.plan.columns, self.kernel.builder
        if not columns.has_edge:
            return None
        is_alone = self.plan.last_vectors < self.plan.vectors
        if is_alone and vectors == self.plan.vectors:
            return None
        if is_alone or columns.panels == 1:
            size = columns.size - (columns.panels - 1) * columns.width - start
            return None if size >= count else tail_mask(builder, size, count)
        return mask_before(builder, columns.size, first, count)

    def fetch(self, first: SSAValue, columns: Sequence[LoopLevel]) -> None:
        """Has what a block will read and write where its results are, once its sums are there, fetched meanwhile."""
        builder, places = self.kernel.builder, list(self._places())
        if not places or self.axes.terms.size < FETCHED_TERMS:
            return

        def row(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            row = self.axes.rows.indices(builder, builder.sum_of([(first, 1), (number, 1)], 0, "row"))
            for column in columns:
                level = column.inside(builder.insertion_point, row)
                for view, offset in places:
                    terms, constant = level.terms(offset)
                    for along in last_of_each_line(column.lanes, offset.coefficients, view.memory_type):
                        view.fetch(builder, terms, constant + along, SECOND_LEVEL)
            return []

        builder.loop((0, self.plan.rows.width, 1), "row", [], row)

    def _places(self) -> Iterator[tuple[BufferView, Affine]]:
        """What is read and written where results are, of memory that the caches may have lost since it was made."""
        kernel = self.kernel
        nodes = cone([node for output in kernel.outputs for node in output.nodes], self._is_product)
        loads = [node for node in nodes if isinstance(node, Load) and node.is_plain]
        places = [(kernel.root.inputs[load.argument], load.offset) for load in loads]
        places += [(kernel.results[o.result], o.offset) for o in kernel.outputs if o.row is None]
        for view, offset in dict.fromkeys(places):
            is_large = prod(view.layout.shape) * bit_width(view.memory_type) > 8 * SMALL_OPERAND
            is_along = offset.coefficients[self.axes.columns.last] == 1
            if is_large and is_along and offset.dims.issuperset(self.axes.rows.dims):
                yield view, offset

    # ---- from registers ---------------------------------------------------------------------------------

    def store(self, sums: Sequence[Scalar], first: SSAValue, columns: Sequence[LoopLevel]) -> None:
        """Computes and stores what is made of the sums of a block, all of whose rows from the first on are new."""
        if self._store_matrix(sums, first, columns):
            return
        of_row = iter(self._row_by_row(sums))
        for number in range(self.plan.rows.width):
            at = self.kernel.builder.sum_of([(first, 1)], number, "row")
            for level in columns:
                self._finish(level, at, next(of_row))

    def _store_matrix(self, sums: Sequence[Scalar], first: SSAValue, columns: Sequence[LoopLevel]) -> bool:
        """Stores sums as they are, if they are a matrix and there is nothing else to do, and tells whether it has."""
        builder, rows = self.kernel.builder, self.axes.rows
        if len(sums) != 1:
            return False
        level = columns[0].inside(builder.insertion_point, rows.indices(builder, first))
        dims = rows.last, self.axes.columns.last
        return store_matrix(self.kernel, self.product, dims, level, sums[0])

    def _finish(self, column: LoopLevel, row: SSAValue, value: Scalar) -> None:
        """Stores what is made of the sums of a row in some columns."""
        builder = self.kernel.builder
        level = column.inside(builder.insertion_point, self.axes.rows.indices(builder, row))
        level.known[self.product] = value
        level.store_outputs(self.kernel.outputs, self.kernel.results)

    def _row_by_row(self, sums: Sequence[Scalar]) -> Sequence[Scalar]:
        """The vectors of each row, also of sums that are a matrix."""
        return [row_of(sums[0], number) for number in range(self.plan.rows.width)] if len(sums) == 1 else sums

    # ---- by way of memory -------------------------------------------------------------------------------

    def keep(
        self,
        sums: Sequence[Scalar],
        widths: Sequence[int],
        view: BufferView,
        at: tuple[SSAValue, SSAValue],
        *,
        adds: bool,
    ) -> None:
        """Stores a block's sums, of vectors of these widths, in memory from a row and column on, or adds them there."""
        builder = self.kernel.builder
        if len(sums) == 1 and not adds:
            indices = view.indices(builder, self._place(view, *at), 0)
            view.insert_store(transfer_write(sums[0].value, view.value, indices, (0, 1)))
            return
        for number, value in enumerate(self._row_by_row(sums)):
            row, vector = divmod(number, len(widths))
            constant = row * view.layout.strides[0] + sum(widths[:vector])
            lanes = Lanes(self.axes.columns.last, widths[vector])
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

        def row(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            row = builder.sum_of([(first, 1), (number, 1)], 0, "row")
            terms = [*self._place(view, *at), (number, view.layout.strides[0])]
            for level, value in zip(columns, self._kept(view, terms, columns), strict=True):
                self._finish(level, row, value.cast(self.product.element_type))
            return []

        bounds = start, builder.index(self.plan.rows.width), builder.index(1)
        builder.loop_between(bounds, "row", [], row)

    def resume(
        self,
        view: BufferView,
        rows: tuple[SSAValue, SSAValue],
        columns: Sequence[LoopLevel],
        terms: tuple[SSAValue, SSAValue],
    ) -> None:
        """Adds the sums of a block of terms, which are kept, to those so far; stores what is made of all of them."""
        builder, (first, new), (start, end) = self.kernel.builder, rows, terms
        skipped = builder.minus(new, first, "start") if self.plan.rows.has_edge else builder.index(0)
        is_last = builder.is_from(end, builder.index(self.axes.terms.size))

        def row(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            row = builder.sum_of([(first, 1), (number, 1)], 0, "row")
            sums = list(self._kept(view, [(number, view.layout.strides[0])], columns))
            levels = [
                level.inside(builder.insertion_point, self.axes.rows.indices(builder, row))
                for level in columns
            ]
            totals = [self._so_far(level, start) + value for level, value in zip(levels, sums, strict=True)]

            def finish() -> None:
                for level, total in zip(columns, totals, strict=True):
                    self._finish(level, row, total)

            def keep() -> None:
                for level, total in zip(columns, totals, strict=True):
                    self._keep_so_far(level, row, total)

            builder.when(is_last, finish, keep)
            return []

        builder.loop_between((skipped, builder.index(self.plan.rows.width), builder.index(1)), "row", [], row)

    def _kept(self, view: BufferView, row: list[Term], columns: Sequence[LoopLevel]) -> Iterator[Scalar]:
        """The sums of a row that `keep` has stored."""
        start = 0
        for width in widths_of(columns):
            lanes = Lanes(self.axes.columns.last, width)
            yield load_vector(view, self.kernel.builder, lanes, row, start, 1)
            start += width

    def _so_far(self, level: LoopLevel, start: SSAValue) -> Scalar:
        """The sums of the terms before `start`; zeros where there are none."""
        assert self.sums is not None
        assert level.lanes is not None
        builder, lanes = self.kernel.builder, level.lanes
        mask = result_of(
            new_operation(CreateMaskOp, operands=[start], result_types=[vector_type(i1, lanes.count)]),
            "is_further",
        )
        if lanes.mask is not None:
            mask = both(Scalar(mask), Scalar(lanes.mask)).value
        terms, constant = level.terms(self.sums.offset)
        buffer = self.kernel.results[self.sums.result]
        return load_vector(buffer, builder, Lanes(lanes.dim, lanes.count, mask), terms, constant, 1)

    def fetch_so_far(self, row: SSAValue, columns: Sequence[LoopLevel]) -> None:
        """Has the sums so far of a row fetched."""
        assert self.sums is not None
        builder = self.kernel.builder
        buffer = self.kernel.results[self.sums.result]
        for column, width in zip(columns, widths_of(columns), strict=True):
            level = column.inside(builder.insertion_point, self.axes.rows.indices(builder, row))
            terms, constant = level.terms(self.sums.offset)
            # The cache line that a register begins in is that which the one before it ends in.
            for last in range(self.plan.count - 1, width, self.plan.count):
                buffer.fetch(builder, terms, constant + last, SECOND_LEVEL)

    def _keep_so_far(self, column: LoopLevel, row: SSAValue, total: Scalar) -> None:
        assert self.sums is not None
        builder = self.kernel.builder
        level = column.inside(builder.insertion_point, self.axes.rows.indices(builder, row))
        level.store(self.kernel.results[self.sums.result], self.sums.offset, total)

    def _place(self, view: BufferView, row: SSAValue, column: SSAValue) -> list[Term]:
        return [(row, view.layout.strides[0]), (column, 1)]


def widths_of(columns: Sequence[LoopLevel]) -> list[int]:
    """The lanes of each vector of a panel of columns."""
    return [level.lanes.count for level in columns if level.lanes is not None]


def resumable_output(kernel: KernelFunction, product: Contraction, axes: ProductAxes) -> Output | None:
    """An output that has room for each sum of a product while it is formed, and that nothing is read from."""
    dims = {*axes.batch.dims, *axes.rows.dims, *axes.columns.dims}
    for output in kernel.outputs:
        buffer = kernel.results[output.result]
        fits = buffer.memory_type == buffer.element_type == product.element_type
        along = output.offset.coefficients[axes.columns.last] == 1
        if (
            fits
            and along
            and output.row is None
            and dims <= output.offset.dims
            and not kernel.is_loaded(output)
        ):
            return output
    return None
