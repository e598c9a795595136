"""Blocks of the result of a product with several dims of rows or of terms: what its loops run along, and their sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.bounds import LONGEST_VECTOR
from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.outer_product import OuterProductOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.products.border import Border, FiniteFactor, Range
from pullback.passes.loops.products.fetch_ahead import FetchAhead, Turn
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.operand_place import OperandPlace
from pullback.passes.loops.products.term_blocks import Indices, Step, Sums, Within
from pullback.passes.loops.products.window_dots import SUMS, lanes_of_terms, step_of_vectors
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.code_builder import result_of, splat
from pullback.passes.lowering.long_products import has_parts
from pullback.passes.lowering.nodes import Contraction, Load
from pullback.passes.lowering.register_blocks import MOST_ROWS, NEW_TERM, RegisterBlocks, row_dim, window_tile
from pullback.passes.lowering.vector_registers import CACHE_LINE, FIRST_CACHE, SECOND_CACHE

FETCH_AHEAD = 6
"""So many terms before they are needed, elements are fetched."""

PACKED_ROWS = 256
"""Rows whose terms are neighbours, as those of windows, from which on to pack the second factor costs less than to keep
totals of parts of the terms."""


@dataclass(frozen=True)
class Start:
    """Where the loops have come to: the places in both factors, the indices, and what is fetched meanwhile."""

    a: OperandPlace
    b: OperandPlace
    indices: Indices
    ahead: tuple[FetchAhead, ...] = ()

    def moved(self, indices: Indices, but: int | None = None) -> Start:
        """Moved on along these dims; along `but` the places stay, since they are moved along it later."""
        moving = {dim: index for dim, index in indices.items() if dim != but}
        return replace(
            self, a=self.a.moved(moving), b=self.b.moved(moving), indices={**self.indices, **indices}
        )


@dataclass(frozen=True)
class WindowBlock:
    """One block of the result: where it begins, its rows, and how many lanes exist of each vector of its columns."""

    at: Start
    rows: int
    sizes: Sequence[int]

    def fetch(self, indices: Indices) -> None:
        """Fetches a share of what is read after this iteration; `indices` are those of the terms."""
        for ahead in self.at.ahead:
            ahead.fetch({**self.at.indices, **indices})


class WindowBlocks:
    """The dims that the loops of a product run along, and how a block of its result is computed."""

    def __init__(self, kernel: KernelFunction) -> None:
        self.kernel, self.builder, self.extents = kernel, kernel.builder, kernel.space.extents
        (self.product,) = (n for n in kernel.nodes if isinstance(n, Contraction))
        self.a, self.b = self.product.operands
        *others, self.columns = kernel.space.outer
        self.batch = [d for d in others if d in self.b.dims]
        rows = [d for d in others if d not in self.b.dims]
        self.row = rows[row_dim([self.extents[d] for d in rows])]
        """The dim along which blocks lie."""
        self.around = [d for d in others if d != self.row]
        """The dims of the loops around them."""
        self.terms = kernel.space.inner
        rows = [d for d in self.around if d not in self.batch]
        self.border = Border.of(self.product.border, rows, self.terms, self.extents)
        """The border of zeros around images, along a dim of the loops around blocks."""
        self.count = kernel.lanes_along(self.columns)
        self.term_lanes = lanes_of_terms(kernel, self.a, self.columns, self.terms, self.count)
        """The lanes of vectors of terms, where columns are few; else 0."""
        if self.term_lanes:
            self.count = 1
        self.is_turned = isinstance(self.b, Load) and self.b.offset.coefficients[self.columns] != 1
        """Whether the columns of the second factor are no neighbours in memory, so that it is always packed."""
        self.is_of_parts = self._is_of_parts()
        """Whether there are so many terms, and so few results, that parts of the terms have totals of their own."""
        self.vectors, self.blocks = self._blocks()
        matrix = prod(self.extents[d] for d in (*self.terms, self.columns))
        self.is_large = matrix * bit_width(self.product.element_type) > 8 * FIRST_CACHE
        """Whether a matrix of the second factor has no room in the first-level cache."""
        self.is_far = matrix * bit_width(self.product.element_type) > 8 * SECOND_CACHE
        """Whether it has no room in the second-level cache, either."""

    def _blocks(self) -> tuple[int, RegisterBlocks]:
        """The vectors of a panel, and the blocks of rows: `tile` of the schedule, or what fills the registers.

        That of a product of matrices is for blocks of its result, and says nothing to parts of its terms.
        """
        columns = self.extents[self.columns]
        if self.term_lanes:
            return columns, RegisterBlocks.of(
                self.extents[self.row], SUMS // columns, columns, fmas=self.kernel.fmas
            )
        reads_windows = bool(self.around) or len(self.terms) > 1
        if len(self.kernel.schedule.cpu.tile) == 2 and reads_windows:
            rows, width = self.kernel.schedule.cpu.tile
            vectors = -(-width // self.count)
        else:
            extents = [self.extents[d] for d in (*self.around, self.row) if d not in self.batch]
            rows, vectors = window_tile(
                extents, columns, self.count, self.kernel.vector_bits, self.kernel.fmas
            )
        needed = max(-(-columns // self.count), 1)
        if needed < vectors:
            rows, vectors = min(rows * vectors // needed, MOST_ROWS), needed
        delay = NEW_TERM if self.is_of_parts else 0
        return vectors, RegisterBlocks.of(self.extents[self.row], rows, vectors, delay, self.kernel.fmas)

    def _is_of_parts(self) -> bool:
        extents = self.extents
        rows = prod(extents[d] for d in (*self.around, self.row) if d not in self.batch)
        terms = prod(extents[d] for d in self.terms)
        matrices = prod(extents[d] for d in self.batch)
        is_along = isinstance(self.a, Load) and self.a.offset.coefficients[self.terms[-1]] == 1
        if self.is_turned or self.term_lanes or (is_along and rows >= PACKED_ROWS):
            return False
        size = bit_width(self.product.element_type) // 8
        return has_parts(rows, extents[self.columns], terms, size, matrices)

    def is_finite(
        self, place: OperandPlace, terms: Mapping[int, Range], columns: int | None = None
    ) -> SSAValue:
        """Tells whether the second factor is finite where the first one is a border of zeros for some rows.

        It is read from a place on, of so many columns, or of all: of terms in these ranges, or of all of a dim.
        """
        builder, width = self.builder, self.vectors * self.count
        assert self.border is not None
        ranges: list[tuple[int, Sequence[Range]]] = []
        for dim in (*self.batch, *self.terms):
            start, end = terms.get(dim, (builder.index(0), builder.index(self.extents[dim])))
            if dim != self.border.terms[0]:
                ranges.append((dim, [(start, end)]))
                continue
            edges = [(builder.index(a), builder.index(b)) for a, b in self.border.edges]
            if dim in terms:
                edges = [(builder.greatest(a, start), builder.least(b, end)) for a, b in edges]
            ranges.append((dim, edges))
        along = self.columns, self.extents[self.columns] if columns is None else columns, width
        return FiniteFactor(builder, place, along, self.count, self.product.element_type).holds(ranges)

    # ---- loops ------------------------------------------------------------------------------------------

    def loops(self, at: Start, dims: Sequence[int], body: Callable[[Start], None]) -> None:
        """One loop for each of these dims around a body."""
        if not dims:
            body(at)
            return
        dim, *inner = dims

        def along(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self.loops(at.moved({dim: index}), inner, body)
            return []

        self.builder.loop((0, self.extents[dim], 1), f"i{dim}", [], along)

    def panels(self, at: Start, body: Callable[[Start, Sequence[int]], None]) -> None:
        """All columns: full panels, then what is left. `body` takes the lanes that exist of each vector."""
        width, columns = self.vectors * self.count, self.extents[self.columns]
        whole = columns // width * width

        def panel(column: SSAValue, exist: int) -> None:
            sizes = [min(exist - first, self.count) for first in range(0, exist, self.count)]
            body(at.moved({self.columns: column}), sizes)

        if whole:

            def each(column: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                panel(column, width)
                return []

            self.builder.loop((0, whole, width), "panel", [], each)
        if whole < columns:
            panel(self.builder.index(whole), columns - whole)

    def rows(
        self,
        at: Start,
        rows: tuple[SSAValue, int, int],
        sizes: Sequence[int],
        body: Callable[[WindowBlock], None],
    ) -> None:
        """Blocks of full size from the first row on, then one of what is left."""
        builder, (first, full, rest) = self.builder, rows
        if full:

            def block(row: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                body(WindowBlock(at.moved({self.row: row}), self.blocks.rows, sizes))
                return []

            end = builder.sum_of([(first, 1)], full, "end")
            builder.loop_between((first, end, builder.index(self.blocks.rows)), "row", [], block)
        if rest:
            begin = builder.sum_of([(first, 1)], full, "row")
            body(WindowBlock(at.moved({self.row: begin}), rest, sizes))

    def turn(self, dim: int) -> Turn:
        """The indices along a dim that one iteration of its loop has."""
        sizes = {self.row: self.blocks.rows, self.columns: self.vectors * self.count}
        return dim, self.extents[dim], sizes.get(dim, 1)

    # ---- blocks -----------------------------------------------------------------------------------------

    def is_matrix(self, block: WindowBlock) -> bool:
        """Tells whether the sums of a block are one matrix: the registers of a row are a power of two then."""
        registers = len(block.sizes)
        is_power = registers & (registers - 1) == 0
        return not self.term_lanes and is_power and block.rows * registers * self.count <= LONGEST_VECTOR

    def zeros(self, block: WindowBlock) -> list[SSAValue]:
        """The sums of a block before the first term: a matrix, or vectors."""
        builder, element_type, registers = self.builder, self.product.element_type, len(block.sizes)
        if self.is_matrix(block):
            type_ = vector_type(element_type, block.rows, registers * self.count)
            return [builder.number(0, type_).value]
        zero = builder.number(0, vector_type(element_type, self.term_lanes or self.count))
        return [zero.value] * (block.rows * registers)

    def step(self, block: WindowBlock) -> Step:
        """Adds the products of one term: each row's element of the first factor with vectors of the second."""
        count, columns = self.count, self.columns
        if self.term_lanes:
            sizes = (self.row, block.rows), (columns, len(block.sizes))
            places = block.at.a, block.at.b
            return step_of_vectors(self.builder, places, sizes, self.terms[-1], self.term_lanes)

        def add_matrix(indices: Indices, sums: Sums) -> list[SSAValue]:
            a, b = block.at.a.moved(indices), block.at.b.moved(indices)
            self._fetch(block, a, b)
            along = b.vector({}, columns, len(block.sizes) * count, sum(block.sizes))
            operands = [a.column(self.row, block.rows).value, along.value, *sums]
            return [result_of(new_operation(OuterProductOp, operands, [sums[0].type]), "sums")]

        def add(indices: Indices, sums: Sums) -> list[SSAValue]:
            a, b = block.at.a.moved(indices), block.at.b.moved(indices)
            self._fetch(block, a, b)
            along = [
                b.vector({columns: v * count}, columns, count, size) for v, size in enumerate(block.sizes)
            ]
            made: list[SSAValue] = []
            for r in range(block.rows):
                factor = splat(a.element({self.row: r}), count)
                for column in along:
                    made.append(multiply_add(factor, column, sums[len(made)]))
            return made

        return add_matrix if self.is_matrix(block) else add

    def within(self, block: WindowBlock, is_finite: SSAValue | None) -> Within:
        """The terms of a block to add: without those in the border of images, if the second factor is finite there."""
        if self.border is None or is_finite is None:
            return {}
        at = block.at.indices[self.border.rows[0]]
        return {self.border.terms[0]: self.border.inside(self.builder, at, is_finite)}

    def _fetch(self, block: WindowBlock, a: OperandPlace, b: OperandPlace) -> None:
        """Has what a later term reads fetched, where each term is in lines of the cache of its own."""
        later = {self.terms[-1]: FETCH_AHEAD}
        if self.is_large and b.distance(self.terms[-1]) >= CACHE_LINE:
            for v in range(len(block.sizes)):
                b.fetch({**later, self.columns: v * self.count})
        if a.distance(self.terms[-1]) >= CACHE_LINE:
            a.fetch(later)

    def result(self, indices: Indices, r: int, v: int, size: int, registers: int = 1) -> LoopLevel:
        """The level at which a vector of the result is stored, so many rows and vectors from where a block begins.

        The vector is as wide as so many registers.
        """
        add = self.builder.sum_of
        row = add([(indices[self.row], 1)], r, "row")
        column = add([(indices[self.columns], 1)], v * self.count, "column")
        here = {**indices, self.row: row, self.columns: column}
        lanes = Lanes(self.columns, registers * self.count)
        return at_lanes(self.kernel, self.kernel.root, here, lanes, size)
