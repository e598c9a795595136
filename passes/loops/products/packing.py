"""Panels of B: the columns of a block, row after row, where a product reads them side by side."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, shuffle
from pullback.passes.lowering.buffer_assignment import SCRATCH
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import named
from pullback.passes.lowering.strided_layout import StridedLayout, memref_type


class Packing:
    """A panel of B in scratch memory: shape (K, vectors * count)."""

    def __init__(self, b: ProductOperand, count: int, vectors: int) -> None:
        self.builder = b.kernel.builder
        self.b = b
        self.count = count
        self.rows = b.terms.size
        element_type = b.node.element_type
        self.type = vector_type(element_type, count)
        shape = self.rows, vectors * count
        argument = b.kernel.add_argument(SCRATCH, memref_type(shape, element_type))
        named(argument, "panel")
        self.panel = BufferView(argument, StridedLayout(shape, (vectors * count, 1)), element_type)
        self.width = vectors * count

    @property
    def _lanes(self) -> Lanes:
        return Lanes(self.b.lines.last, self.count)

    def load(self, k: SSAValue, vector_number: int) -> Scalar:
        """A vector of a row of the panel."""
        first = [(k, self.width)]
        return load_vector(
            self.panel,
            self.builder,
            self._lanes,
            first,
            vector_number * self.count,
            1,
        )

    def pack(self, root: LoopLevel, column: SSAValue, vectors: int, last: int) -> None:
        """Fills the panel with the columns from `column` on, of the matrix at `root`.

        `last` lanes of the last vector exist.
        """
        if self.b.is_contiguous(self.b.terms):
            self._transpose(root, column, vectors, last)
            return

        def row(k: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            for v in range(vectors):
                at = self.builder.sum_of([(column, 1)], v * self.count, "column")
                size = last if v == vectors - 1 else self.count
                value = self.b.vector(root, at, k, self.b.lines, self.count, size)
                self._store(k, self.builder.index(v * self.count), value)
            return []

        self.builder.loop((0, self.rows, 1), "k", [], row)

    def _store(self, k: SSAValue, offset: SSAValue, value: Scalar) -> None:
        first = [(k, self.width), (offset, 1)], 0, 1
        store_vector(self.panel, self.builder, self._lanes, value, first)

    # ---- where B's columns are contiguous ---------------------------------------------------------------

    def _transpose(self, root: LoopLevel, column: SSAValue, vectors: int, last: int) -> None:
        """Squares of `count` columns by `count` rows are turned around in registers."""
        full = self.rows // self.count * self.count

        def squares(k: SSAValue, size: int) -> None:
            whole = (vectors - (last < self.count)) * self.count

            def body(offset: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._square(root, column, offset, self.count, k, size)
                return []

            if whole:
                self.builder.loop((0, whole, self.count), "offset", [], body)
            if last < self.count:
                self._square(root, column, self.builder.index(whole), last, k, size)

        def body(k: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            squares(k, self.count)
            return []

        if full:
            self.builder.loop((0, full, self.count), "k", [], body)
        if rest := self.rows - full:
            squares(self.builder.index(full), rest)

    def _square(
        self, root: LoopLevel, column: SSAValue, offset: SSAValue, columns: int, k: SSAValue, rows: int
    ) -> None:
        """`rows` rows from k on, of `columns` columns from `column + offset` on."""
        zero = self.builder.number(0, self.type)
        loaded: list[Scalar] = []
        for c in range(self.count):
            if c < columns:
                at = self.builder.sum_of([(column, 1), (offset, 1)], c, "column")
                loaded.append(self.b.vector(root, at, k, self.b.terms, self.count, rows))
            else:
                loaded.append(zero)
        for r, value in enumerate(transposed(loaded)[:rows]):
            self._store(self.builder.sum_of([(k, 1)], r, "k"), offset, value)


def transposed(rows: list[Scalar]) -> list[Scalar]:
    """The transpose of a square of as many vectors as each has lanes, by exchanging ever smaller blocks."""
    count = len(rows)
    block = count // 2
    while block:
        exchanged: list[Scalar] = [*rows]
        low = [lane if not lane & block else count + lane - block for lane in range(count)]
        high = [lane + block if not lane & block else count + lane for lane in range(count)]
        for at in range(count):
            if not at & block:
                exchanged[at] = shuffle(rows[at], rows[at + block], low)
                exchanged[at + block] = shuffle(rows[at], rows[at + block], high)
        rows = exchanged
        block //= 2
    return rows
