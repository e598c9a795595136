"""Lines of an operand of a product that were copied to a panel, side by side or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.products.fetch_ahead import SECOND_LEVEL
from pullback.passes.loops.products.panel_vectors import panel_vectors
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.vector_access import load_column, load_vector, store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, Term
from pullback.passes.lowering.vector_registers import CACHE_LINE


@dataclass(frozen=True)
class PanelShape:
    """The shape of a panel: so many lines of so many terms, in vectors of `count`."""

    width: int
    terms: int
    count: int
    is_by_line: bool
    """Whether a line's terms are neighbours, and not a term's lines."""

    @staticmethod
    def of(operand: ProductOperand, width: int, count: int, terms: int, *, is_by_line: bool) -> PanelShape:
        """The shape for an operand. Lines one by one are an odd number of cache lines apart, so not all in one set."""
        if is_by_line:
            together = CACHE_LINE // bit_width(operand.node.element_type)
            terms = (-(-terms // together) | 1) * together
        return PanelShape(width, terms, count, is_by_line)

    def apart(self, element_type: Attribute) -> PanelShape:
        """The same for panels that are filled side by side: they are an odd number of cache lines apart, if can be."""
        together = CACHE_LINE // bit_width(element_type)
        longer = range(self.terms, self.terms + 2 * together)
        odd = (t for t in longer if self.width * t % (2 * together) == together)
        return self if self.is_by_line else replace(self, terms=next(odd, self.terms))

    @property
    def size(self) -> int:
        """The elements of a panel."""
        return self.width * self.terms

    @property
    def strides(self) -> tuple[int, int]:
        """The distance of lines, and of terms."""
        return (self.terms, 1) if self.is_by_line else (1, self.width)


@dataclass(frozen=True)
class PackedLines:
    """The lines of one panel."""

    operand: ProductOperand
    shape: PanelShape
    view: BufferView
    base: list[Term]
    """Where the panel begins."""
    first: SSAValue | None
    """The first term that is there; none for all."""
    vectors_used: int | None = None
    """How many registers a term takes; none for all of a panel."""

    @property
    def builder(self) -> CodeBuilder:
        return self.operand.kernel.builder

    def elements(self, term: SSAValue) -> Iterator[Scalar]:
        term = self._within(term)
        line_stride, stride = self.shape.strides
        for line in range(self.shape.width):
            yield self.view.load(self.builder, [*self.base, (term, stride)], line * line_stride)

    def column(self, term: SSAValue) -> Scalar:
        line_stride, stride = self.shape.strides
        terms = [*self.base, (self._within(term), stride)]
        return load_column(self.view, self.builder, terms, 0, line_stride, self.shape.width)

    def vectors(self, term: SSAValue) -> Iterator[Scalar]:
        shape = self.shape
        at = self._within(term)
        registers = shape.width // shape.count if self.vectors_used is None else self.vectors_used
        for start, count in panel_vectors(registers, shape.count):
            terms = [*self.base, (at, shape.width)]
            lanes = Lanes(self.operand.lines.last, count)
            yield load_vector(self.view, self.builder, lanes, terms, start, 1)

    def fetch(self, term: SSAValue) -> None:
        """Has as many cache lines fetched as the terms take that are one line of the cache for each line."""
        line_stride, stride = self.shape.strides
        apart = (
            line_stride if self.shape.is_by_line else CACHE_LINE // bit_width(self.operand.node.element_type)
        )
        terms = [*self.base, (self._within(term), stride)]
        for line in range(self.shape.width):
            self.view.fetch(self.builder, terms, line * apart, SECOND_LEVEL)

    def _within(self, term: SSAValue) -> SSAValue:
        return term if self.first is None else self.builder.minus(term, self.first, "within")

    def store(self, value: Scalar, terms: list[Term], mask: SSAValue | None, constant: int = 0) -> None:
        """Stores a vector, so many elements from the panel's first."""
        lanes = Lanes(self.operand.lines.last, self.shape.count, mask)
        store_vector(self.view, self.builder, lanes, value, ([*self.base, *terms], constant, 1))
