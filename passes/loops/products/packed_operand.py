"""Packed operands: copies of A and B in the order in which the blocks of a product read them.

Lines are in panels, as many as a block has. A panel holds them side by side, the lines of one term after those of the
one before:

    panel[term][line]

or, where the elements of a line are neighbours already, and are needed one by one, one line after the other:

    panel[line][term]

What an operand is computed from is computed once so, while it is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.ir import SSAValue

from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.packed_lines import PackedLines, PanelShape
from pullback.passes.loops.products.panel_vectors import panel_vectors
from pullback.passes.loops.products.product_axes import Bounds, Indices
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.square_transposition import SquareTransposition, transposed
from pullback.passes.loops.vectors import Lanes, mask_before, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, Term
from pullback.passes.lowering.strided_layout import StridedLayout

MANY_USES = 128
"""Uses of an element from which a copy that takes half as long again does not count: for 32 it was 5 % of a product."""


@dataclass(frozen=True)
class PackedOperand:
    """Panels of an operand in memory, where `strides` are the distances of the matrices of a batch."""

    operand: ProductOperand
    shape: PanelShape
    view: BufferView
    overlaps: bool
    """Whether the last panel begins so much earlier that all its lines exist."""
    uses: int
    """How often an element is needed: as often as the other operand has lines."""
    batch: Sequence[tuple[int, int]] = ()
    """The dims of the batch that it changes with, and the distance of its matrices along each."""

    @staticmethod
    def layout(panels: int, shape: PanelShape) -> StridedLayout:
        """The layout of memory for so many panels."""
        inner = (shape.width, shape.terms) if shape.is_by_line else (shape.terms, shape.width)
        # Panels of no terms lie one upon the other.
        return StridedLayout((panels, *inner), (max(shape.size, 1), max(inner[1], 1), 1))

    @property
    def builder(self) -> CodeBuilder:
        return self.operand.kernel.builder

    def at(self, root: LoopLevel, panel: SSAValue, first: SSAValue | None = None) -> PackedLines:
        """A panel of the matrix that `root` is at, which holds the terms from one on."""
        matrix = [(root.indices[dim], stride) for dim, stride in self.batch]
        return PackedLines(self.operand, self.shape, self.view, [*matrix, (panel, self.shape.size)], first)

    def reserve(self) -> None:
        """Reserves what copies need of the stack; before a loop around them, once for all its trips."""
        _ = self._square

    @cached_property
    def _square(self) -> SquareTransposition | None:
        """What turns squares around; None where they are turned in place."""
        operand, count = self.operand, self.shape.count
        if self.shape.is_by_line or self.uses < MANY_USES:
            return None
        if self.shape.width % count or operand.terms.extents[-1] < count:
            return None  # a square is not filled
        lanes = Lanes(operand.terms.last, count)
        return SquareTransposition.of(operand.kernel, operand.node.element_type, self.shape.width, lanes)

    # ---- copies -----------------------------------------------------------------------------------------

    def pack(self, root: LoopLevel, panels: Bounds, origin: SSAValue, terms: Bounds | None = None) -> None:
        """Fills panels, of which that of number `origin` is the first in memory; with all terms, or with some.

        Where the lines of a term are neighbours, those of all panels are copied before those of the next term.
        """
        operand = self.operand
        if not self.shape.is_by_line and operand.lines.is_single and not operand.is_contiguous(operand.terms):
            self._copy_terms(root, panels, origin, terms)
            return
        copy = self._transpose
        if self.shape.is_by_line:
            are_turned = operand.lines.is_single and operand.is_contiguous(operand.lines)
            copy = self._turn_lines if are_turned else self._copy_lines
        self.reserve()

        def panel(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            first = self._first(number)
            copy(root, first, self.at(root, self.builder.minus(number, origin, "within")), terms)
            return []

        self.builder.loop_between((*panels, self.builder.index(1)), "panel", [], panel)

    def _copy_lines(self, root: LoopLevel, first: SSAValue, to: PackedLines, bounds: Bounds | None) -> None:
        """One line after the other, in vectors of terms."""
        operand, builder, count = self.operand, self.builder, self.shape.count

        def line(offset: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            level = operand.line(root, self._existing([(first, 1), (offset, 1)]))

            def vector(terms: Indices, number: list[Term], size: int) -> None:
                value = operand.vector_of_terms(level, terms, count, size)
                mask = None if size == count else tail_mask(builder, size, count)
                to.store(value, [(offset, self.shape.terms), *number], mask)

            operand.terms.each_vector(builder, "k", count, vector, bounds)
            return []

        builder.loop((0, self.shape.width, 1), "line", [], line)

    def _turn_lines(self, root: LoopLevel, first: SSAValue, to: PackedLines, bounds: Bounds | None) -> None:
        """The same where the lines of a term are neighbours: squares are turned around in registers."""
        for start in range(0, self.shape.width, self.shape.count):
            self._turn_vector(root, self.builder.sum_of([(first, 1)], start, "line"), start, to, bounds)

    def _turn_vector(
        self, root: LoopLevel, first: SSAValue, start: int, to: PackedLines, bounds: Bounds | None
    ) -> None:
        """A vector of lines, the first of which is at `start` in the panel."""
        operand, builder, count = self.operand, self.builder, self.shape.count
        lines, along = min(self.shape.width - start, count), operand.terms.last
        level = operand.vector_of_lines(root, first, count, self._lanes(first, lines, count))
        nothing = builder.number(0, vector_type(operand.node.element_type, count))

        def square(terms: Indices, number: list[Term], size: int) -> None:
            at = [builder.sum_of([(terms[along], 1)], further, "k") for further in range(size)]
            rows = [operand.element(level, {**terms, along: place}) for place in at]
            mask = None if size == count else tail_mask(builder, size, count)
            for line, value in enumerate(transposed(builder, rows + [nothing] * (count - size))[:lines]):
                to.store(value, number, mask, (start + line) * self.shape.terms)

        operand.terms.each_vector(builder, "k", count, square, bounds)

    def _copy_terms(self, root: LoopLevel, panels: Bounds, origin: SSAValue, bounds: Bounds | None) -> None:
        """The lines of one term after those of another, in vectors of lines."""
        operand, builder, shape = self.operand, self.builder, self.shape
        width = shape.width

        def term(terms: Indices, number: list[Term]) -> None:
            def panel(panel: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                first = self._first(panel)
                to = self.at(root, builder.minus(panel, origin, "within"))
                for start, count in panel_vectors(-(-width // shape.count), shape.count):
                    at = builder.sum_of([(first, 1)], start, "line")
                    size = min(width - start, count)
                    level = operand.vector_of_lines(root, at, count, self._lanes(at, size, count))
                    mask = None if size == count else tail_mask(builder, size, count)
                    place = [(at, f * width) for at, f in number]
                    to.store(operand.element(level, terms), place, mask, start)
                return []

            builder.loop_between((*panels, builder.index(1)), "panel", [], panel)

        operand.terms.each(builder, "k", term, bounds)

    def _transpose(self, root: LoopLevel, first: SSAValue, to: PackedLines, bounds: Bounds | None) -> None:
        """Squares of `count` lines by `count` terms are turned around in registers."""
        turned = self._square
        if turned is None:
            self._transpose_in_place(root, first, to, bounds)
            return
        operand, builder, shape = self.operand, self.builder, self.shape
        count, width = shape.count, shape.width

        def squares(offset: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            def square(terms: Indices, number: list[Term], size: int) -> None:
                def line(at: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                    level = operand.line(root, self._existing([(first, 1), (offset, 1), (at, 1)]))
                    turned.put(at, operand.vector_of_terms(level, terms, count, size))
                    return []

                builder.loop((0, count, 1), "line", [], line)
                turned.store(to.view, [*to.base, *((at, f * width) for at, f in number), (offset, 1)])

            operand.terms.each_vector(builder, "k", count, square, bounds)
            return []

        builder.loop((0, width, count), "offset", [], squares)

    def _transpose_in_place(
        self, root: LoopLevel, first: SSAValue, to: PackedLines, bounds: Bounds | None
    ) -> None:
        """The same without the way through memory, which needs more code; squares need not be filled."""
        operand, builder, shape = self.operand, self.builder, self.shape
        count, width = shape.count, shape.width
        lanes = min(count, width)

        def squares(offset: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            existing = [self._existing([(first, 1), (offset, 1)], line) for line in range(lanes)]
            levels = [operand.line(root, at) for at in existing]

            def square(terms: Indices, number: list[Term], size: int) -> None:
                zero = builder.number(0, vector_type(operand.node.element_type, count))
                loaded = [operand.vector_of_terms(level, terms, count, size) for level in levels]
                loaded += [zero] * (count - lanes)
                mask = None if lanes == count else tail_mask(builder, lanes, count)
                for term, value in enumerate(transposed(builder, loaded)[:size]):
                    at = [(at, f * width) for at, f in number]
                    to.store(value, [*at, (offset, 1)], mask, term * width)

            operand.terms.each_vector(builder, "k", count, square, bounds)
            return []

        if width <= count:
            squares(builder.index(0), [])
        else:
            builder.loop((0, width, count), "offset", [], squares)

    def _lanes(self, first: SSAValue, size: int, count: int) -> SSAValue | None:
        """The mask of those of `count` lines from one on that there are; None where all lanes are lines."""
        lines = self.operand.lines.size
        if lines % self.shape.width and not self.overlaps:
            return mask_before(self.builder, lines, first, count)
        return None if size == count else tail_mask(self.builder, size, count)

    def _first(self, panel: SSAValue) -> SSAValue:
        """The first line of a panel."""
        lines, width = self.operand.lines.size, self.shape.width
        first = self.builder.product(panel, width, "line")
        return (
            self.builder.at_most(first, lines - width, "line") if self.overlaps and lines % width else first
        )

    def _existing(self, number: list[Term], offset: int = 0) -> SSAValue:
        """The number of a line, or of the last one where there is none of that number."""
        at = self.builder.sum_of(number, offset, "line")
        lines = self.operand.lines.size
        return (
            at
            if self.overlaps or lines % self.shape.width == 0
            else self.builder.at_most(at, lines - 1, "line")
        )
