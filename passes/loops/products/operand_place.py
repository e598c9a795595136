"""Places in the operands of a product: indices along some dims, from which elements are a constant away.

In the innermost loop of a product, elements of several rows are read at once. What they have in common is added up
outside of it, as far outside as its indices are known:

    %at = (%n, %h, %w)          the first of 6 windows
    %at_1 = %at + %i            a row of each
    x[%at_1], x[%at_1 + 2], x[%at_1 + 4], …         an element of each
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.vector_access import from_elements, load_column, load_vector
from pullback.passes.loops.vectors import Lanes, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, Term
from pullback.passes.lowering.nodes import Load, Node

Steps = Mapping[int, int]
"""A number of steps along some dims."""


class OperandPlace(Protocol):
    """A place in an operand."""

    def moved(self, indices: Mapping[int, SSAValue]) -> Self:
        """The place so far along these dims."""
        ...

    def element(self, steps: Steps) -> Scalar:
        """The element so many steps away."""
        ...

    def column(self, dim: int, count: int) -> Scalar:
        """`count` elements along a dim, as a vector whose elements are needed one by one."""
        ...

    def vector(self, steps: Steps, dim: int, count: int, size: int) -> Scalar:
        """`count` elements along a dim, of which `size` exist; the others are 0."""
        ...

    def distance(self, dim: int) -> int:
        """The bits between neighbours along a dim; 0 if they are not in memory."""
        ...

    def fetch(self, steps: Steps) -> None:
        """Has the element so many steps away fetched, if it is in memory."""
        ...


def place_in(kernel: KernelFunction, node: Node) -> OperandPlace:
    """The beginning of an operand: of what is in memory, or computed wherever it is read."""
    if isinstance(node, Load) and node.is_plain:
        return StoredPlace.at(kernel.builder, kernel.root.inputs[node.argument], node.offset)
    return ComputedPlace(kernel, node)


@dataclass(frozen=True)
class StoredPlace:
    """A place in a buffer whose elements are at an affine offset."""

    builder: CodeBuilder
    view: BufferView
    offset: Affine
    terms: tuple[Term, ...]

    @staticmethod
    def at(builder: CodeBuilder, view: BufferView, offset: Affine) -> StoredPlace:
        """The first element, at which all indices are 0."""
        return StoredPlace(builder, view, offset, ()).further((), offset.constant)

    def further(self, terms: tuple[Term, ...], constant: int = 0) -> Self:
        """The place so many elements on."""
        along = self.view.indices(self.builder, [*self.terms, *terms], constant)
        return replace(self, terms=tuple(zip(along, self.view.layout.strides, strict=True)))

    def moved(self, indices: Mapping[int, SSAValue]) -> Self:
        steps = self.offset.coefficients
        terms = tuple((index, steps[dim]) for dim, index in indices.items() if steps[dim])
        return self.further(terms) if terms else self

    def element(self, steps: Steps) -> Scalar:
        return self.view.load(self.builder, self.terms, self._constant(steps))

    def column(self, dim: int, count: int) -> Scalar:
        return load_column(self.view, self.builder, self.terms, 0, self.offset.coefficients[dim], count)

    def vector(self, steps: Steps, dim: int, count: int, size: int) -> Scalar:
        lanes = Lanes(dim, count, tail_mask(self.builder, size, count) if size < count else None)
        stride = self.offset.coefficients[dim]
        return load_vector(self.view, self.builder, lanes, self.terms, self._constant(steps), stride)

    def distance(self, dim: int) -> int:
        return abs(self.offset.coefficients[dim]) * bit_width(self.view.memory_type)

    def fetch(self, steps: Steps) -> None:
        self.view.fetch(self.builder, self.terms, self._constant(steps))

    def _constant(self, steps: Steps) -> int:
        return sum(self.offset.coefficients[dim] * count for dim, count in steps.items())


@dataclass(frozen=True)
class ComputedPlace:
    """A place in an operand that the kernel computes."""

    kernel: KernelFunction
    node: Node
    indices: Mapping[int, SSAValue] = field(default_factory=dict[int, SSAValue])

    def moved(self, indices: Mapping[int, SSAValue]) -> Self:
        add = self.kernel.builder.sum_of
        here = {
            dim: add([(self.indices[dim], 1), (index, 1)], 0) if dim in self.indices else index
            for dim, index in indices.items()
        }
        return replace(self, indices={**self.indices, **here})

    def element(self, steps: Steps) -> Scalar:
        level = self.kernel.root.inside(self.kernel.builder.insertion_point, self._indices(steps))
        return level.values([self.node])[0]

    def column(self, dim: int, count: int) -> Scalar:
        return from_elements([self.element({dim: at}) for at in range(count)])

    def vector(self, steps: Steps, dim: int, count: int, size: int) -> Scalar:
        lanes = Lanes(dim, count, tail_mask(self.kernel.builder, size, count) if size < count else None)
        point = self.kernel.builder.insertion_point
        return self.kernel.root.inside(point, self._indices(steps), lanes).vector(self.node)

    def distance(self, dim: int) -> int:
        return 0

    def fetch(self, steps: Steps) -> None:
        """Nothing is fetched."""

    def _indices(self, steps: Steps) -> dict[int, SSAValue]:
        builder, here = self.kernel.builder, {**dict.fromkeys(steps), **self.indices}
        return {
            dim: builder.sum_of([] if index is None else [(index, 1)], steps.get(dim, 0))
            for dim, index in here.items()
        }
