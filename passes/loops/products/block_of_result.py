"""One block of the result of a product: its panels of columns and rows, and the sums over all terms for each pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from xdsl.ir import SSAValue

from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.block_sums import block_sums
from pullback.passes.loops.products.next_matrix import NextMatrix
from pullback.passes.loops.products.operand_reading import TERMS_AHEAD, Reading
from pullback.passes.loops.products.packed_lines import PackedLines, PanelShape
from pullback.passes.loops.products.packed_operand import PackedOperand
from pullback.passes.loops.products.panel_fetch import PanelFetch
from pullback.passes.loops.products.panel_loops import along, on_stack, panels_from, within
from pullback.passes.loops.products.product_axes import Bounds
from pullback.passes.loops.products.product_operand import (
    FetchedLines,
    LinesInPlace,
    OperandLines,
    ProductOperand,
    RowsInPlace,
)
from pullback.passes.loops.products.product_results import ProductResults, widths_of
from pullback.passes.loops.vector_access import store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.strided_layout import StridedLayout

Rows = tuple[SSAValue, SSAValue]
"""The first row of a panel, and the first that no panel before it has."""
PanelBody = Callable[[Rows, SSAValue, list[LoopLevel], OperandLines, OperandLines], None]
"""Makes the code for a panel of rows and one of columns, of which it is given the rows and the first column."""
FetchingBody = Callable[[Rows, list[LoopLevel], OperandLines, OperandLines, PanelFetch], None]
"""Makes it for panels of rows in a block whose columns are all copied, with what is fetched meanwhile."""


class BlockOfResult:
    """The code of one block of the result.

    Args:
        packed: the operands that are in panels; those of a block alone begin with the block's first panel.
        root: the level at which the matrix of a batch is known.
        first: the first panel of rows, and of columns.
    """

    def __init__(
        self,
        results: ProductResults,
        operands: tuple[ProductOperand, ProductOperand],
        packed: Mapping[ProductOperand, PackedOperand],
        root: LoopLevel,
        first: tuple[SSAValue, SSAValue],
    ) -> None:
        self.results, self.plan = results, results.plan
        self.builder = results.kernel.builder
        self.a, self.b = operands
        self.packed = packed
        self.root = root
        self.row, self.column = first
        self.element_type = results.product.element_type

    def lower(self) -> None:
        terms = self.a.terms.size
        if self.plan.is_resumed:
            self._resumed(terms)
        elif terms > self.plan.term_block:
            self._in_blocks_of_terms(terms)
        else:
            self._at_once(self.builder.index(terms))

    def _each_panel(self, body: PanelBody, terms: Bounds | None = None) -> None:
        """Loops over panels of columns, and over those of rows; see `PanelBody`."""
        builder, plan = self.builder, self.plan
        turn = self._panel() if plan.b is Reading.IN_TURN else None
        ahead = TERMS_AHEAD if plan.b is Reading.AHEAD else 0

        def panel_of(number: SSAValue, vectors: int) -> None:
            column = builder.product(number, plan.columns.width, "column")
            levels = self.results.columns(self.root, column, vectors)
            b: OperandLines
            if turn is not None:
                turn.pack(self.root, (number, builder.sum_of([(number, 1)], 1, "end")), number, terms)
                first = None if terms is None else terms[0]
                b = replace(turn.at(self.root, builder.index(0), first), vectors_used=vectors)
            elif (lines := self._lines(self.b, plan.b, number, self.column)) is not None:
                b = replace(lines, vectors_used=vectors)
            else:
                b = LinesInPlace(self.b, levels, ahead)

            def rows(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                panel = self.rows_of(number)
                a = self._lines(self.a, plan.a, number, self.row) or self._rows_in_place(panel[0])
                body(panel, column, levels, a, b)
                return []

            along(builder, plan.rows, self.row, rows)

        self._each_panel_of_columns(panel_of)

    def _each_panel_of_columns(self, body: Callable[[SSAValue, int], None]) -> None:
        """Loops over panels of columns, of which the body is given the number and how many registers there are."""
        builder, columns = self.builder, self.plan.columns
        vectors, of_last = self.plan.vectors, self.plan.last_vectors

        def panel(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            body(number, vectors)
            return []

        if of_last == vectors:
            along(builder, columns, self.column, panel)
            return
        last = builder.index(columns.panels - 1)
        first, end = panels_from(builder, columns, self.column)
        builder.loop_between((first, builder.least(end, last), builder.index(1)), "panel", [], panel)
        if columns.blocks == 1:
            body(last, of_last)
        else:
            builder.when(builder.is_from(end, builder.index(columns.panels)), lambda: body(last, of_last))

    def _each_panel_of_rows(self, body: FetchingBody, first_term: SSAValue) -> None:
        """Loops over panels of rows, and over those of columns, which are all copied; see `FetchingBody`."""
        builder, plan = self.builder, self.plan

        def lines(number: SSAValue, first: SSAValue) -> FetchedLines:
            return self._lines(self.a, plan.a, number, self.row) or self._rows_in_place(first)

        def rows(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            panel = self.rows_of(number)
            a = lines(number, panel[0])
            further = builder.sum_of([(number, 1)], 1, "next")
            following = lines(further, self.rows_of(further)[0])

            def columns(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                column = builder.product(number, plan.columns.width, "column")
                levels = self.results.columns(self.root, column)
                at = within(builder, number, self.column)
                b = self.packed[self.b].at(self.root, at, first_term)
                body(
                    panel, levels, a, b, PanelFetch(self.results, first_term, following, panel[0], at, levels)
                )
                return []

            along(builder, plan.columns, self.column, columns)
            return []

        along(builder, plan.rows, self.row, rows)

    def _panel(self) -> PackedOperand:
        """Memory for one panel of B."""
        plan = self.plan
        shape = PanelShape.of(self.b, plan.columns.width, plan.count, plan.term_block, is_by_line=False)
        view = on_stack(self.builder, PackedOperand.layout(1, shape), self.b.node.element_type, "panel")
        packed = PackedOperand(self.b, shape, view, overlaps=False, uses=plan.rows.size)
        packed.reserve()
        return packed

    def _lines(
        self, operand: ProductOperand, reading: Reading, number: SSAValue, first: SSAValue
    ) -> PackedLines | None:
        """The lines of a panel that is packed."""
        if reading in (Reading.IN_PLACE, Reading.AHEAD):
            return None
        at = number if reading is Reading.SHARED else within(self.builder, number, first)
        return self.packed[operand].at(self.root, at)

    def rows_of(self, number: SSAValue) -> tuple[SSAValue, SSAValue]:
        """The first row of a panel, and the first that no panel before it has: the last one begins earlier."""
        builder, rows = self.builder, self.plan.rows
        new = builder.product(number, rows.width, "row")
        return (builder.at_most(new, rows.size - rows.width, "row") if rows.has_edge else new), new

    def _rows_in_place(self, first: SSAValue) -> RowsInPlace | LinesInPlace:
        """The rows of a panel where they are."""
        node = self.a.node
        if isinstance(node, Load) and node.is_plain and self.a.lines.is_single:
            ahead = TERMS_AHEAD if self.plan.a is Reading.AHEAD else 0
            return RowsInPlace(self.a, node, self.a.line(self.root, first), self.plan.rows.width, ahead)
        numbers = [self.builder.sum_of([(first, 1)], r, "row") for r in range(self.plan.rows.width)]
        ahead = TERMS_AHEAD if self.plan.a is Reading.AHEAD else 0
        return LinesInPlace(self.a, [self.a.line(self.root, at) for at in numbers], ahead)

    # ---- sums -------------------------------------------------------------------------------------------

    def _at_once(self, terms: SSAValue) -> None:
        """All terms of a block in registers in one go."""
        builder, plan, results = self.builder, self.plan, self.results
        zero = builder.index(0)
        is_simple, has_edge = results.are_simple, plan.rows.has_edge
        shape = plan.rows.width, plan.columns.width
        layout = StridedLayout(shape, (shape[1], 1))
        tile = on_stack(builder, layout, self.element_type, "sums") if has_edge or not is_simple else None
        ahead = NextMatrix.of(results, (self.a, self.b), self.root)

        def block(
            rows: Rows, column: SSAValue, levels: list[LoopLevel], a: OperandLines, b: OperandLines
        ) -> None:
            widths = widths_of(levels)
            each = None if ahead is None else ahead.turns(rows[1], column).fetch
            if ahead is None:
                results.fetch(rows[0], levels)
            sums = block_sums(builder, plan, self.element_type, (a, b), (zero, terms), widths, each=each)

            def by_way_of_memory() -> None:
                assert tile is not None
                results.keep(sums, widths, tile, (zero, zero), adds=False)
                results.store_kept(tile, (zero, zero), rows, levels)

            def from_registers() -> None:
                results.store(sums, rows[0], levels)

            if not is_simple:
                by_way_of_memory()
            elif has_edge:
                builder.when(builder.is_from(*rows), from_registers, by_way_of_memory)
            else:
                from_registers()

        self._each_panel(block)

    def _resumed(self, terms: int) -> None:
        """One block of terms after the other, whose sums are added up in the result."""
        builder, plan, results = self.builder, self.plan, self.results
        shape = plan.rows.width, plan.columns.width
        tile = on_stack(builder, StridedLayout(shape, (shape[1], 1)), self.element_type, "sums")
        here = builder.index(0), builder.index(0)
        panels = panels_from(builder, plan.columns, self.column)

        def of_terms(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            end = builder.at_most(builder.sum_of([(start, 1)], plan.term_block, "end"), terms)
            self.packed[self.b].pack(self.root, panels, self.column, (start, end))

            def block(
                rows: Rows,
                levels: list[LoopLevel],
                a: OperandLines,
                b: OperandLines,
                fetch: PanelFetch,
            ) -> None:
                widths, terms = widths_of(levels), (start, end)
                if plan.term_block >= self.a.terms.size:
                    results.fetch(rows[0], levels)
                sums = block_sums(builder, plan, self.element_type, (a, b), terms, widths, fetch.turn)
                results.keep(sums, widths, tile, here, adds=False)
                results.resume(tile, rows, levels, terms)

            self._each_panel_of_rows(block, start)
            return []

        builder.loop((0, terms, plan.term_block), "block", [], of_terms)

    def _in_blocks_of_terms(self, terms: int) -> None:
        """One block of terms after the other, whose sums are added up in higher precision, in memory."""
        builder, plan, results = self.builder, self.plan, self.results
        wide = TOTALS.get(self.element_type, self.element_type)
        shape = plan.rows.step * plan.rows.width, plan.columns.step * plan.columns.width
        totals = on_stack(builder, StridedLayout(shape, (shape[1], 1)), wide, "totals")
        self._clear(totals)
        first_row = builder.product(self.row, plan.rows.width, "row")
        first_column = builder.product(self.column, plan.columns.width, "column")

        def place(row: SSAValue, column: SSAValue) -> tuple[SSAValue, SSAValue]:
            return within(self.builder, row, first_row), within(self.builder, column, first_column)

        def of_terms(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            end = builder.sum_of([(start, 1)], plan.term_block, "end")
            if terms % plan.term_block:
                end = builder.at_most(end, terms, "end")

            def block(
                rows: Rows, column: SSAValue, levels: list[LoopLevel], a: OperandLines, b: OperandLines
            ) -> None:
                widths = widths_of(levels)
                sums = block_sums(builder, plan, self.element_type, (a, b), (start, end), widths)
                results.keep(sums, widths, totals, place(rows[1], column), adds=True)

            self._each_panel(block, (start, end))
            return []

        builder.loop((0, terms, plan.term_block), "block", [], of_terms)

        def stored(number: SSAValue, vectors: int) -> None:
            column = builder.product(number, plan.columns.width, "column")
            levels = results.columns(self.root, column, vectors)

            def rows(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                panel = self.rows_of(number)
                results.store_kept(totals, place(panel[1], column), panel, levels)
                return []

            along(builder, plan.rows, self.row, rows)

        self._each_panel_of_columns(stored)

    def _clear(self, totals: BufferView) -> None:
        """Zeros for all totals."""
        builder, count = self.builder, self.plan.count
        height, width = totals.layout.shape
        lanes = Lanes(self.b.lines.last, count)
        zero = builder.number(0, vector_type(totals.element_type, count))

        def row(at: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            for start in range(0, width, count):
                store_vector(totals, builder, lanes, zero, ([(at, width)], start, 1))
            return []

        builder.loop((0, height, 1), "row", [], row)
