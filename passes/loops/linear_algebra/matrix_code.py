"""Code on matrices in memory: loops over a batch, and over panels of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects import vector as vector_dialect
from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.linear_algebra.matrix_memory import VECTORS, Matrix, MatrixMemory, Panel, Values
from pullback.passes.loops.vectors import Lanes, mask_before
from pullback.passes.lowering.code_builder import Term, result_of
from pullback.passes.lowering.function_builder import FunctionBuilder

WORK_OF_THREADS = 1 << 20
"""Multiplications from which on a batch and panels of columns are shared out."""


class MatrixCode(MatrixMemory):
    """Builds the function of an operation on matrices, whose arguments are memory of its operands and results.

    Args:
        builder: of the function.
        vector_bits: the width of a vector register.
        arguments: how many of the function's arguments are operands and results; scratch memory is behind them.
        share: makes a function that several operations call, unless there is one of that name.
    """

    def __init__(
        self, builder: FunctionBuilder, vector_bits: int, arguments: int, share: Callable[..., None]
    ) -> None:
        super().__init__(builder, vector_bits, arguments)
        self._share = share

    def function(self, name: str, memory: Values, body: Callable[[MatrixCode], SSAValue]) -> str:
        """The name of a function that returns a truth value, and has this memory for its scratch memory."""
        self._share(name, [value.type for value in memory], body)
        return name

    # ---- loops ------------------------------------------------------------------------------------------

    def over(self, extents: Sequence[tuple[int, int, int]], work: int, body: Callable[..., None]) -> None:
        """Loops over several dims, shared out to threads if it is work enough."""
        if work >= WORK_OF_THREADS:
            self.builder.parallel(extents, [f"m{at}" for at in range(len(extents))], body)
            return

        def nest(indices: Sequence[SSAValue]) -> None:
            if len(indices) == len(extents):
                body(*indices)
                return

            def inner(index: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
                nest([*indices, index])
                return carried

            self.builder.loop(extents[len(indices)], f"m{len(indices)}", [], inner)

        nest([])

    def over_panels(
        self, batch: Sequence[int], columns: int, work: int, body: Callable[[Sequence[SSAValue], Panel], None]
    ) -> None:
        """Loops over a batch and over panels of all columns."""
        wide = self.most_lanes * VECTORS
        dims = [(0, extent, 1) for extent in batch]
        if many := columns // wide * wide:
            lanes = [Lanes(0, self.most_lanes)] * VECTORS

            def panel(*indices: SSAValue) -> None:
                body(indices[:-1], Panel([(indices[-1], 1)], lanes))

            self.over([*dims, (0, many, wide)], work, panel)
        if many < columns:
            start: list[Term] = [(self.builder.index(many), 1)]
            last = Panel(start, self.lanes_of(columns - many))
            self.over(dims, work, lambda *indices: body(indices, last))

    def panel_width(self, columns: int) -> int:
        """The columns of a panel, of matrices that have so many."""
        wide = self.most_lanes * VECTORS
        return wide if columns >= wide else columns

    def over_panels_from(self, column: SSAValue, columns: int, body: Callable[[Panel], None]) -> None:
        """Loops over panels from the one that has a column, up to so many columns.

        Vectors are where they are for all columns: they do not cross lines of the cache, nor parts of what was stored.
        """
        width = self.panel_width(columns)
        start = self.builder.product(self.builder.quotient(column, width), width, "start")
        wide = self.most_lanes * VECTORS
        many = columns // wide * wide
        if many:
            lanes = [Lanes(0, self.most_lanes)] * VECTORS

            def panel(at: SSAValue, carried: Values) -> Values:
                body(Panel([(at, 1)], lanes))
                return carried

            bounds = start, self.builder.index(many), self.builder.index(wide)
            self.builder.loop_between(bounds, "panel", [], panel)
        if many < columns:
            body(Panel([(self.builder.index(many), 1)], self.lanes_of(columns - many)))

    def from_column(self, row: Sequence[Scalar], panel: Panel, column: SSAValue) -> list[Scalar]:
        """The vectors of a row in a panel, with zeros before a column."""
        found: list[Scalar] = []
        for vector, (before, lanes) in zip(row, self._starts(panel), strict=True):
            first = self.builder.sum_of(panel.start, before)
            count = self.builder.minus(column, first)
            type_ = vector_type(i1, lanes.count)
            mask = result_of(new_operation(vector_dialect.CreateMaskOp, [count], [type_]), "before")
            found.append(select(Scalar(mask), self.builder.number(0.0, vector.type), vector))
        return found

    def any_of(self, batch: Sequence[int], body: Callable[[Sequence[SSAValue]], SSAValue]) -> SSAValue:
        """Loops over a batch, and tells whether any of the results is true."""

        def nest(indices: Sequence[SSAValue], found: SSAValue) -> SSAValue:
            if len(indices) == len(batch):
                return (Scalar(found) | Scalar(body(indices))).value

            def inner(index: SSAValue, carried: Values) -> Values:
                return [nest([*indices, index], carried[0])]

            at = len(indices)
            return self.builder.loop((0, batch[at], 1), f"m{at}", [found], inner)[0]

        return nest([], self.builder.number(False, i1).value)

    def along(
        self,
        start: SSAValue,
        end: int,
        lanes: Sequence[Lanes],
        inits: Values,
        body: Callable[[Panel, Values], Values],
    ) -> Values:
        """Loops over panels of such vectors from an index on; the last has masks, and may have no columns at all."""
        builder = self.builder
        width = sum(n.count for n in lanes)
        left = builder.minus(builder.index(end), start)
        whole = builder.product(builder.quotient(left, width), width, "whole")
        last = builder.sum_of([(start, 1), (whole, 1)], 0)

        def panel(at: SSAValue, carried: Values) -> Values:
            return body(Panel([(at, 1)], lanes), carried)

        carried = builder.loop_between((start, last, builder.index(width)), "panel", inits, panel)
        masked = [
            Lanes(0, n.count, mask_before(builder, end, builder.sum_of([(last, 1)], before), n.count))
            for before, n in self._starts(Panel([], lanes))
        ]
        return body(Panel([(last, 1)], masked), carried)

    def wide_of(self, columns: int) -> list[Lanes]:
        """The vectors of panels of rows of so many elements."""
        lanes = self.lanes_of(min(columns, self.most_lanes))[0].count
        return [Lanes(0, lanes)] * (1 if columns <= lanes else VECTORS)

    def copy(self, source: Matrix, target: Matrix, rows: int, columns: int) -> None:
        """Copies a matrix."""

        def row(at: SSAValue, carried: Values) -> Values:
            where: list[Term] = [(at, 1)]
            self.over_panels(
                [],
                columns,
                0,
                lambda _, panel: self.store_row(target, where, panel, self.row(source, where, panel)),
            )
            return carried

        self.builder.loop((0, rows, 1), "row", [], row)

    def set_identity(self, matrix: Matrix, rows: int, columns: int) -> None:
        """Stores ones on the diagonal of a matrix of at least as many rows as columns, and zeros elsewhere."""
        one = self.builder.number(1.0, self.element_type)

        def row(at: SSAValue, carried: Values) -> Values:
            where: list[Term] = [(at, 1)]
            self.over_panels(
                [], columns, 0, lambda _, panel: self.store_row(matrix, where, panel, self.zeros(panel))
            )
            return carried

        def diagonal(at: SSAValue, carried: Values) -> Values:
            matrix.view.store(self.builder, one, matrix.at([(at, 1)], [(at, 1)]), 0)
            return carried

        self.builder.loop((0, rows, 1), "row", [], row)
        self.builder.loop((0, columns, 1), "row", [], diagonal)
