"""The second factor of a product, packed: its columns in panels as wide as the blocks of the result.

All rows of the result share it, so it is packed once, before the loops around them: as a whole, or, where it leaves the
second-level cache, one panel right before all rows take it, each into the memory of the one before.

Where terms are neighbours in memory, and not columns, as in filters that the gradient of images reads, squares of terms
and columns are turned around on the way.
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
from pullback.passes.loops.square_transposition import FEWEST_TURNED, SquareTransposition
from pullback.passes.loops.vector_access import load_column, load_vector, store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.nodes import Node
from pullback.passes.lowering.strided_layout import StridedLayout

SHARES = 16
"""Parts of a panel that threads copy side by side, where one is packed at a time."""


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

    def column(self, dim: int, count: int) -> Scalar:
        stored = self.stored
        return load_column(stored.view, stored.builder, stored.terms, 0, self._constant({dim: 1}), count)

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

    @property
    def view(self) -> BufferView:
        return self.stored.view

    def terms(self, steps: Steps) -> list[Term]:
        """The index of the element so many steps away, as a sum."""
        constant = self.stored.builder.index(self._constant(steps))
        return [*self.stored.terms, (constant, 1)]

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
        target = self._scratch(-(-columns // self.width))
        first = place_in(self.kernel, self.factor)
        full = columns // self.width * self.width

        def pack(lower: int, upper: int) -> None:
            def panel(*indices: SSAValue) -> None:
                here = dict(zip([*self.batch, self.columns], indices, strict=True))
                filling = PanelFilling(
                    self, first.moved(here), target.moved(here), min(upper - lower, self.width)
                )
                filling.fill(builder.index(0), builder.index(extents[self.terms[0]]))

            bounds = [*((0, extents[d], 1) for d in self.batch), (lower, upper, self.width)]
            builder.parallel(bounds, [*("matrix" for _ in self.batch), "panel"], panel)

        if full:
            pack(0, full)
        if full < columns:
            pack(full, columns)
        return target

    def one(self) -> PanelPlace:
        """Memory for one panel of each matrix, which is the place of all of them: `fill` has it hold one."""
        return self._scratch(1)

    def fill(self, target: PanelPlace, column: SSAValue, exist: int) -> None:
        """Packs the panel that begins at a column, and has so many, into the memory of `one`."""
        extents, builder, outermost = self.kernel.space.extents, self.kernel.builder, self.terms[0]
        first = place_in(self.kernel, self.factor).moved({self.columns: column})
        unit = 1 if len(self.terms) > 1 else self.count
        together = -(-extents[outermost] // (SHARES * unit)) * unit

        def share(*indices: SSAValue) -> None:
            *matrix, start = indices
            here = dict(zip(self.batch, matrix, strict=True))
            end = builder.sum_of([(start, 1)], together, "end")
            if extents[outermost] % together:
                end = builder.at_most(end, extents[outermost])
            PanelFilling(self, first.moved(here), target.moved(here), exist).fill(start, end)

        bounds = [*((0, extents[d], 1) for d in self.batch), (0, extents[outermost], together)]
        builder.parallel(bounds, [*("matrix" for _ in self.batch), "k"], share)

    def _scratch(self, panels: int) -> PanelPlace:
        """Scratch memory of so many panels."""
        extents = self.kernel.space.extents
        shape = [*(extents[d] for d in self.batch), panels, *(extents[d] for d in self.terms), self.width]
        steps = dict(zip([*self.batch, self.columns, *self.terms], row_major_strides(shape), strict=False))
        # A panel begins `width` columns after the one before it, and a single one holds them all in turn.
        steps[self.columns] = steps[self.columns] // self.width if panels > 1 else 0
        offset = Affine(tuple(steps.get(d, 0) for d in range(self.kernel.space.rank)))
        view = self.kernel.add_scratch(StridedLayout((prod(shape),), (1,)), self.factor.element_type)
        return PanelPlace(StoredPlace.at(self.kernel.builder, view, offset), self.columns)


@dataclass(frozen=True)
class PanelFilling:
    """The copy of one panel, of whose columns so many exist."""

    panels: Panels
    source: OperandPlace
    target: PanelPlace
    exist: int

    def fill(self, start: SSAValue, end: SSAValue) -> None:
        """Copies the terms whose index along the first of their dims is in this range."""
        panels, builder = self.panels, self.panels.kernel.builder
        (outermost, *inner), turned = panels.terms, self._turned()
        if turned is None or inner:

            def term(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                here = {outermost: index}
                self._copy(inner, self.source.moved(here), self.target.moved(here), turned)
                return []

            builder.loop_between((start, end, builder.index(1)), "k", [], term)
        else:
            self._turn(self.source, self.target, turned, start, end)

    def _turned(self) -> SquareTransposition | None:
        """What turns squares around, if that is what to do: columns are far from each other, and terms are not."""
        panels, source, last = self.panels, self.source, self.panels.terms[-1]
        if not isinstance(source, StoredPlace) or self.exist % panels.count:
            return None
        steps = source.offset.coefficients
        if steps[last] != 1 or abs(steps[panels.columns]) <= 1:
            return None
        extents = panels.kernel.space.extents
        if extents[last] < panels.count:
            return None
        if prod(extents[d] for d in (*panels.terms, panels.columns)) < FEWEST_TURNED:
            return None
        lanes = Lanes(last, panels.count)
        return SquareTransposition.of(panels.kernel, panels.factor.element_type, panels.width, lanes)

    def _copy(
        self,
        terms: Sequence[int],
        source: OperandPlace,
        target: PanelPlace,
        turned: SquareTransposition | None,
    ) -> None:
        """Loops over the terms along these dims."""
        panels, builder = self.panels, self.panels.kernel.builder
        if not terms:
            self._copy_term(source, target)
            return
        dim, *inner = terms
        extent = panels.kernel.space.extents[dim]
        if turned is not None and not inner:
            self._turn(source, target, turned, builder.index(0), builder.index(extent))
            return

        def term(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._copy(inner, source.moved({dim: index}), target.moved({dim: index}), turned)
            return []

        builder.loop((0, extent, 1), "k", [], term)

    def _copy_term(self, source: OperandPlace, target: PanelPlace) -> None:
        """The columns of one term, vector by vector."""
        panels = self.panels
        for first in range(0, panels.width, panels.count):
            size = max(min(self.exist - first, panels.count), 0)
            if size:
                value = source.vector({panels.columns: first}, panels.columns, panels.count, size)
                target.store({panels.columns: first}, value, panels.count)

    def _turn(
        self,
        source: OperandPlace,
        target: PanelPlace,
        turned: SquareTransposition,
        start: SSAValue,
        end: SSAValue,
    ) -> None:
        """The terms of a range along the last of their dims, in squares; the last ones begin earlier, or are single."""
        panels, builder, count = self.panels, self.panels.kernel.builder, self.panels.count
        last = panels.terms[-1]

        def squares(first: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            # The last square begins so much earlier that all its terms exist.
            at = {last: builder.at_most(first, panels.kernel.space.extents[last] - count, "k")}
            here, there = source.moved(at), target.moved(at)
            for column in range(0, self.exist, count):

                def line(number: SSAValue, _: Sequence[SSAValue], column: int = column) -> list[SSAValue]:
                    along = here.moved({panels.columns: number})
                    turned.put(number, along.vector({panels.columns: column}, last, count, count))
                    return []

                builder.loop((0, count, 1), "column", [], line)
                turned.store(there.view, there.terms({panels.columns: column}))
            return []

        builder.loop_between((start, end, builder.index(count)), "k", [], squares)
