"""The second factor of a product, packed as a whole: its columns in panels as wide as the blocks of the result.

All rows of the result share it, so it is packed once, before the loops around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Self

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine, row_major_strides
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.products.operand_place import OperandPlace, Steps, StoredPlace, place_in
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.nodes import Node
from pullback.passes.lowering.strided_layout import StridedLayout


@dataclass(frozen=True)
class PanelPlace:
    """A place in panels: in one of them, `moved` to the index of its first column."""

    stored: StoredPlace
    columns: int
    """The dim of the columns."""

    def moved(self, indices: Mapping[int, SSAValue]) -> Self:
        return replace(self, stored=self.stored.moved(indices))

    def element(self, steps: Steps) -> Scalar:
        return self.stored.view.load(self.stored.builder, self.stored.terms, self._constant(steps))

    def vector(self, steps: Steps, dim: int, count: int, size: int) -> Scalar:
        """Columns that do not exist are 0 in memory."""
        stored, lanes = self.stored, Lanes(dim, count)
        return load_vector(stored.view, stored.builder, lanes, stored.terms, self._constant(steps), 1)

    def distance(self, dim: int) -> int:
        return self.stored.distance(dim)

    def fetch(self, steps: Steps) -> None:
        self.stored.view.fetch(self.stored.builder, self.stored.terms, self._constant(steps))

    def store(self, steps: Steps, value: Scalar, count: int) -> None:
        """Stores a vector of columns."""
        stored, lanes = self.stored, Lanes(self.columns, count)
        first = stored.terms, self._constant(steps), 1
        store_vector(stored.view, stored.builder, lanes, value, first)

    def _constant(self, steps: Steps) -> int:
        coefficients = self.stored.offset.coefficients
        return sum(n if dim == self.columns else coefficients[dim] * n for dim, n in steps.items())


@dataclass(frozen=True)
class Panels:
    """The panels of a factor: the dims of the batch, the columns and the terms, and the vectors of a panel.

    Args:
        kernel: that is lowered.
        factor: what is packed.
        batch: the dims of the matrices.
        columns: the dim of the columns.
        terms: the dims of the terms.
        count: the lanes of a vector.
        vectors: of a panel.
    """

    kernel: KernelFunction
    factor: Node
    batch: Sequence[int]
    columns: int
    terms: Sequence[int]
    count: int
    vectors: int

    @property
    def width(self) -> int:
        return self.count * self.vectors

    def packed(self) -> PanelPlace:
        """Packs all panels, at the current insertion point; gives the beginning of the first one."""
        extents, builder = self.kernel.space.extents, self.kernel.builder
        columns = extents[self.columns]
        target = self._scratch()
        first = place_in(self.kernel, self.factor)
        full = columns // self.width * self.width

        def pack(lower: int, upper: int) -> None:
            def panel(*indices: SSAValue) -> None:
                here = dict(zip([*self.batch, self.columns], indices, strict=True))
                self._pack(list(self.terms), first.moved(here), target.moved(here), upper - lower)

            bounds = [*((0, extents[d], 1) for d in self.batch), (lower, upper, self.width)]
            builder.parallel(bounds, [*("matrix" for _ in self.batch), "panel"], panel)

        if full:
            pack(0, full)
        if full < columns:
            pack(full, columns)
        return target

    def _scratch(self) -> PanelPlace:
        """Scratch memory of all panels."""
        extents = self.kernel.space.extents
        panels = -(-extents[self.columns] // self.width)
        shape = [*(extents[d] for d in self.batch), panels, *(extents[d] for d in self.terms), self.width]
        steps = dict(zip([*self.batch, self.columns, *self.terms], row_major_strides(shape), strict=False))
        # A panel begins `width` columns after the one before it.
        steps[self.columns] //= self.width
        offset = Affine(tuple(steps.get(d, 0) for d in range(self.kernel.space.rank)))
        view = self.kernel.add_scratch(StridedLayout((prod(shape),), (1,)), self.factor.element_type)
        return PanelPlace(StoredPlace.at(self.kernel.builder, view, offset), self.columns)

    def _pack(self, terms: list[int], source: OperandPlace, target: PanelPlace, exist: int) -> None:
        """Loops over the terms of a panel, of whose columns so many exist."""
        builder = self.kernel.builder
        if terms:
            dim, *inner = terms

            def term(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._pack(inner, source.moved({dim: index}), target.moved({dim: index}), exist)
                return []

            builder.loop((0, self.kernel.space.extents[dim], 1), "k", [], term)
            return
        for first in range(0, self.width, self.count):
            size = max(min(exist - first, self.count), 0)
            if size:
                value = source.vector({self.columns: first}, self.columns, self.count, size)
                target.store({self.columns: first}, value, self.count)
