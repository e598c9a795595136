"""The border of zeros around images: the terms of a sum that read it are left out, where that changes nothing.

The windows of the first row of images reach beyond them with their first row, all of whose products are with zeros.
Such a product is 0, which sums can do without, unless the other factor is infinite or NaN. So that is asked first:

    is_finite = whether all f[i, :, :, :] are, for the rows i of the window that some images have in their border
    for each row h of windows:
      for each row i of the window from (is_finite ? max(1 - h, 0) : 0) to (is_finite ? min(33 - h, 3) : 3): …

That is done along the rows of images alone, where a whole block of windows is in the border or none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.types import is_float
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.operand_place import OperandPlace
from pullback.passes.loops.vectors import sum_across
from pullback.passes.lowering.code_builder import CodeBuilder, named
from pullback.passes.lowering.nodes import Bound

Range: TypeAlias = tuple[SSAValue, SSAValue]
"""The first index of a loop, and its end."""


@dataclass(frozen=True)
class Border:
    """Which terms along a dim are in images, of each index of a dim of rows: `row * at + term * number` is in range.

    Args:
        rows: the dim of the rows, and its extent.
        terms: the dim of the terms, and its extent.
        row: what an index of the rows counts.
        term: what one of the terms counts.
        start: the first that is in images.
        end: the one after the last.
    """

    rows: tuple[int, int]
    terms: tuple[int, int]
    row: int
    term: int
    start: int
    end: int

    @staticmethod
    def of(
        bound: Bound | None, rows: Sequence[int], terms: Sequence[int], extents: Sequence[int]
    ) -> Border | None:
        """The border that a bound states, if it changes with one of these rows, and one of these terms."""
        if bound is None:
            return None
        row, term = (bound.index.dims.intersection(dims) for dims in (rows, terms))
        if len(row) != 1 or len(term) != 1 or len(bound.index.dims) != 2:
            return None
        (r,), (t,), steps = row, term, bound.index.coefficients
        start = -bound.index.constant
        return Border((r, extents[r]), (t, extents[t]), steps[r], steps[t], start, start + bound.extent)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """The terms, as ranges, that are in the border for some of the rows."""
        extent = self.terms[1]
        first = min(max(-(-self.start // self.term), 0), extent)
        most = self.end - self.row * (self.rows[1] - 1)
        last = min(max(-(-most // self.term), first), extent)
        return [(a, b) for a, b in ((0, first), (last, extent)) if a < b]

    def inside(self, builder: CodeBuilder, at: SSAValue, is_finite: SSAValue) -> Range:
        """The terms to add for one of the rows: those in images, or all where the second factor is not finite."""
        reached, extent = builder.product(at, self.row, "reached"), self.terms[1]

        def following(end: int) -> SSAValue:
            """The first term from which on what is counted is not before `end`."""
            left = builder.minus(builder.index(end), builder.at_most(reached, end, "reached"))
            rounded = builder.sum_of([(left, 1)], self.term - 1, "left")
            return builder.at_most(builder.quotient(rounded, self.term, "term"), extent)

        def chosen(inside: SSAValue, all_: int) -> SSAValue:
            return select(Scalar(is_finite), Scalar(inside), Scalar(builder.index(all_))).value

        return chosen(following(self.start), 0), chosen(following(self.end), extent)


@dataclass(frozen=True)
class FiniteFactor:
    """The check whether a part of the second factor is finite: the sum of its products with 0 is 0.

    Args:
        place: where it begins.
        columns: the dim of the columns, their number, and that of a panel.
        count: the lanes of a vector.
        element_type: of the product.
    """

    builder: CodeBuilder
    place: OperandPlace
    columns: tuple[int, int, int]
    count: int
    element_type: Attribute

    def holds(self, dims: Sequence[tuple[int, Sequence[Range]]]) -> SSAValue:
        """Tells whether it is for all columns, and all indices of some dims, each in some ranges."""
        builder, (dim, extent, width) = self.builder, self.columns
        if not is_float(self.element_type):
            return builder.number(1, i1).value
        whole = extent // width * width
        sums = [builder.number(0, vector_type(self.element_type, self.count)).value] * (width // self.count)

        def panel(column: SSAValue, sums: Sequence[SSAValue], exist: int) -> Sequence[SSAValue]:
            sizes = [min(exist - first, self.count) for first in range(0, exist, self.count)]
            added = self._sums(self.place.moved({dim: column}), dims, sizes, sums[: len(sizes)])
            return [*added, *sums[len(sizes) :]]

        if whole:
            sums = builder.loop((0, whole, width), "panel", sums, lambda at, sums: panel(at, sums, width))
        if whole < extent:
            sums = panel(builder.index(whole), sums, extent - whole)
        return are_zero(sums)

    def _sums(
        self,
        place: OperandPlace,
        dims: Sequence[tuple[int, Sequence[Range]]],
        sizes: Sequence[int],
        sums: Sequence[SSAValue],
    ) -> Sequence[SSAValue]:
        """Adds the products with 0 of the elements of some vectors of columns."""
        builder, count, columns = self.builder, self.count, self.columns[0]
        if not dims:
            vectors = [place.vector({columns: v * count}, columns, count, n) for v, n in enumerate(sizes)]
            zero = builder.number(0, sums[0].type)
            return [multiply_add(x, zero, total) for x, total in zip(vectors, sums, strict=True)]
        (dim, ranges), *inner = dims

        def at(index: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return self._sums(place.moved({dim: index}), inner, sizes, carried)

        for start, end in ranges:
            sums = builder.loop_between((start, end, builder.index(1)), "k", sums, at)
        return sums


def are_zero(sums: Sequence[SSAValue]) -> SSAValue:
    """Tells whether sums of products with 0, in vectors, are 0: what was multiplied is finite."""
    total = Scalar(sums[0])
    for other in sums[1:]:
        total = total + Scalar(other)
    return named(sum_across(total).equal(0).value, "is_finite")
