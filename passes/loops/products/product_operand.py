"""The operands of a product: where an element of A or B is, and how it gets into registers.

Both are read along two axes: *lines*, which are the rows of A and the columns of B, and the terms of the sums. What is
read may be computed on the way, from whatever the kernel is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.fetch_ahead import FIRST_LEVEL, SECOND_LEVEL
from pullback.passes.loops.products.product_axes import Indices, ProductAxis
from pullback.passes.loops.vector_access import from_elements, load_column
from pullback.passes.loops.vectors import Lanes, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.nodes import Load, Node, cone
from pullback.passes.lowering.vector_registers import CACHE_LINE


class OperandLines(Protocol):
    """Some lines of an operand, at hand for the loop over terms."""

    def column(self, term: SSAValue) -> Scalar:
        """The vector of the elements of all lines, which are needed one by one."""
        ...

    def elements(self, term: SSAValue) -> Iterator[Scalar]:
        """The element of each line, one after the other."""
        ...

    def vectors(self, term: SSAValue) -> Iterator[Scalar]:
        """The elements of all lines, in vectors."""
        ...


class FetchedLines(OperandLines, Protocol):
    """OperandLines that can be fetched before they are read."""

    def fetch(self, term: SSAValue) -> None:
        """Has a cache line of terms from this one on fetched of each line, if they are in memory."""
        ...


@dataclass(frozen=True)
class ProductOperand:
    """A or B where it lies, or as it is computed."""

    kernel: KernelFunction
    node: Node
    lines: ProductAxis
    terms: ProductAxis

    @property
    def is_loaded(self) -> bool:
        """Tells whether it is in memory as it is."""
        return isinstance(self.node, Load) and not self.node.bounds

    @property
    def is_widened(self) -> bool:
        """Tells whether it is in memory in half precision, which is widened as it is read."""
        return isinstance(self.node, Load) and self.kernel.root.inputs[self.node.argument].rounds

    @property
    def loads(self) -> list[Load]:
        """What is in memory of all that it is computed from, if that changes with line and term."""
        dims = {*self.lines.dims} & self.node.dims, {*self.terms.dims} & self.node.dims
        loads = (node for node in cone([self.node]) if isinstance(node, Load))
        return [load for load in loads if all(load.dims & d for d in dims if d)]

    def is_contiguous(self, axis: ProductAxis) -> bool:
        """Tells whether neighbours along the axis are neighbours in memory, in most of what it is computed from."""
        strides = [load.offset.coefficients[axis.last] for load in self.loads]
        return 2 * strides.count(1) > len(strides)

    def line(self, root: LoopLevel, number: SSAValue) -> LoopLevel:
        """The level at which a line of the matrix that `root` is at is known."""
        builder = self.kernel.builder
        return root.inside(builder.insertion_point, self.lines.indices(builder, number))

    def vector_of_lines(
        self, root: LoopLevel, first: SSAValue, count: int, mask: SSAValue | None
    ) -> LoopLevel:
        """The level at which `count` lines from one on are known as lanes; of a mask those that exist."""
        lanes = Lanes(self.lines.last, count, mask)
        return root.inside(self.kernel.builder.insertion_point, {self.lines.last: first}, lanes)

    def element(self, line: LoopLevel, terms: Indices) -> Scalar:
        """One element, or that of each line where lines are lanes."""
        level = line.inside(self.kernel.builder.insertion_point, terms)
        return level.values([self.node])[0] if line.lanes is None else level.vector(self.node)

    def vector_of_terms(self, line: LoopLevel, terms: Indices, count: int, size: int) -> Scalar:
        """The elements of `count` terms from one on, of which `size` exist; the others are 0."""
        builder = self.kernel.builder
        mask = None if size == count else tail_mask(builder, size, count)
        level = line.inside(builder.insertion_point, terms, Lanes(self.terms.last, count, mask))
        return level.vector(self.node)


@dataclass(frozen=True)
class LinesInPlace:
    """OperandLines that are read where they are: a level for each of them, or for each vector of them."""

    operand: ProductOperand
    levels: Sequence[LoopLevel]
    ahead: int = 0
    """How many terms before they are needed vectors, or neighbours, are fetched into the first cache; 0 for never."""

    def elements(self, term: SSAValue) -> Iterator[Scalar]:
        yield from self._read(term)
        if self.ahead:
            self._fetch([self.levels[0], self.levels[-1]], term, self.ahead, FIRST_LEVEL)

    def column(self, term: SSAValue) -> Scalar:
        return from_elements(list(self.elements(term)))

    def vectors(self, term: SSAValue) -> Iterator[Scalar]:
        yield from self._read(term)
        if self.ahead:
            self._fetch(self.levels, term, self.ahead, FIRST_LEVEL)

    def _read(self, term: SSAValue) -> Iterator[Scalar]:
        for level in self.levels:
            yield self.operand.element(level, {self.operand.terms.last: term})

    def fetch(self, term: SSAValue) -> None:
        """Has a cache line of terms from this one on fetched of each line, if they are in memory."""
        self._fetch(self.levels, term, 0, SECOND_LEVEL)

    def _fetch(self, lines: Sequence[LoopLevel], term: SSAValue, further: int, locality: int) -> None:
        node, kernel = self.operand.node, self.operand.kernel
        if not isinstance(node, Load) or not node.is_plain:
            return
        steps = node.offset.coefficients
        for line in lines:
            level = line.inside(kernel.builder.insertion_point, {self.operand.terms.last: term})
            terms, constant = level.terms(node.offset)
            constant += further * steps[self.operand.terms.last]
            for along in last_of_each_line(line.lanes, steps, node.element_type):
                kernel.root.inputs[node.argument].fetch(kernel.builder, terms, constant + along, locality)


@dataclass(frozen=True)
class RowsInPlace:
    """So many rows of A from one on, which are read where they are in memory, as far apart as others."""

    operand: ProductOperand
    load: Load
    first: LoopLevel
    """The level of the first row."""
    count: int
    ahead: int = 0
    """As that of `LinesInPlace`."""

    @property
    def _stride(self) -> int:
        return self.load.offset.coefficients[self.operand.lines.last]

    def _place(self, term: SSAValue) -> tuple[BufferView, Sequence[Term], int]:
        """The buffer, and where the element of the first row is there."""
        level = self.first.inside(
            self.operand.kernel.builder.insertion_point, {self.operand.terms.last: term}
        )
        return self.operand.kernel.root.inputs[self.load.argument], *level.terms(self.load.offset)

    def column(self, term: SSAValue) -> Scalar:
        view, terms, constant = self._place(term)
        column = load_column(view, self.operand.kernel.builder, terms, constant, self._stride, self.count)
        self._fetch_ahead(term)
        return column

    def elements(self, term: SSAValue) -> Iterator[Scalar]:
        view, terms, constant = self._place(term)
        for row in range(self.count):
            yield view.load(self.operand.kernel.builder, terms, constant + row * self._stride)
        self._fetch_ahead(term)

    def vectors(self, term: SSAValue) -> Iterator[Scalar]:
        raise AssertionError("the elements of A are needed one by one")

    def _fetch_ahead(self, term: SSAValue) -> None:
        if self.ahead:
            self._fetch([0, self.count - 1], term, self.ahead, FIRST_LEVEL)

    def fetch(self, term: SSAValue) -> None:
        """Has a cache line of terms from this one on fetched of each row."""
        self._fetch(range(self.count), term, 0, SECOND_LEVEL)

    def _fetch(self, rows: Iterable[int], term: SSAValue, further: int, locality: int) -> None:
        view, terms, constant = self._place(term)
        constant += further * self.load.offset.coefficients[self.operand.terms.last]
        for row in rows:
            view.fetch(self.operand.kernel.builder, terms, constant + row * self._stride, locality)


def last_of_each_line(lanes: Lanes | None, steps: Sequence[int], element_type: Attribute) -> Iterable[int]:
    """The distances from a vector's first element of one in each cache line; of a single element 0.

    A vector may begin within a cache line: only that of its last element surely is its own.
    """
    if lanes is None:
        return [0]
    step = max(steps[lanes.dim], 1)
    together = max(CACHE_LINE // (bit_width(element_type) * step), 1)
    return (at * step for at in reversed(range(lanes.count - 1, -1, -together)))
