"""The axes of a product, each of one or more dims of the kernel's space that are traversed as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import row_major_strides
from pullback.passes.lowering.code_builder import CodeBuilder, Term

Indices = Mapping[int, SSAValue]
"""An index along each of some dims."""
Bounds = tuple[SSAValue, SSAValue]
"""The first of some indices, and the one after the last."""


@dataclass(frozen=True)
class ProductAxis:
    """Neighbouring dims of the space as one, row-major: the columns of a result, the terms of its sums."""

    dims: tuple[int, ...]
    extents: tuple[int, ...]

    @staticmethod
    def of(dims: Sequence[int], space: Sequence[int]) -> ProductAxis:
        """The axis of these dims of a space of such extents."""
        return ProductAxis(tuple(dims), tuple(space[d] for d in dims))

    @property
    def size(self) -> int:
        return prod(self.extents)

    @property
    def last(self) -> int:
        """The dim that neighbouring indices differ in."""
        return self.dims[-1]

    @property
    def is_single(self) -> bool:
        """Tells whether it is one dim, in which any two neighbours are equally far apart."""
        return len(self.dims) == 1

    def indices(self, builder: CodeBuilder, at: SSAValue) -> Indices:
        """The index along each dim of what has this number."""
        found: dict[int, SSAValue] = {}
        for dim, extent in list(zip(self.dims, self.extents, strict=True))[:0:-1]:
            found[dim] = builder.remainder(at, extent, "along")
            at = builder.quotient(at, extent, "around")
        return {self.dims[0]: at, **found}

    def each(
        self,
        builder: CodeBuilder,
        hint: str,
        body: Callable[[Indices, list[Term]], None],
        bounds: Bounds | None = None,
    ) -> None:
        """Loops over all of it; the body is given the indices, and the number as a sum of terms.

        Within bounds, of a single dim, the number counts from the first.
        """
        if bounds is None:
            self._nest(builder, hint, {}, [], len(self.dims), body)
            return
        first, end = bounds

        def step(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            body({self.last: index}, [(builder.minus(index, first), 1)])
            return []

        builder.loop_between((first, end, builder.index(1)), hint, [], step)

    def each_vector(
        self,
        builder: CodeBuilder,
        hint: str,
        count: int,
        body: Callable[[Indices, list[Term], int], None],
        bounds: Bounds | None = None,
    ) -> None:
        """Loops over vectors of `count` along the last dim; the body is told how many lanes exist.

        The last vector of a row overlaps the one before it, so that there is one body for all. Bounds are at least
        `count` apart.
        """
        extent = self.extents[-1]
        strides = row_major_strides(self.extents)

        def row(indices: Indices, number: list[Term]) -> None:
            def vector(start: SSAValue, size: int) -> None:
                body({**indices, self.last: start}, [*number, (start, strides[-1])], size)

            if extent <= count:
                vector(builder.index(0), extent)
                return

            def step(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                vector(builder.at_most(start, extent - count, hint) if extent % count else start, count)
                return []

            builder.loop((0, extent, count), hint, [], step)

        if bounds is None:
            self._nest(builder, hint, {}, [], len(self.dims) - 1, row)
            return
        first, end = bounds
        last = builder.sum_of([(end, 1)], -count, "last")

        def step(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            index = builder.least(start, last, hint)
            body({self.last: index}, [(builder.minus(index, first), 1)], count)
            return []

        builder.loop_between((first, end, builder.index(count)), hint, [], step)

    def _nest(
        self,
        builder: CodeBuilder,
        hint: str,
        indices: Indices,
        number: list[Term],
        depth: int,
        body: Callable[[Indices, list[Term]], None],
    ) -> None:
        """Loops over the first `depth` dims."""
        at = len(indices)
        if at == depth:
            body(indices, number)
            return
        stride = row_major_strides(self.extents)[at]

        def inside(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            further = {**indices, self.dims[at]: index}
            self._nest(builder, hint, further, [*number, (index, stride)], depth, body)
            return []

        builder.loop((0, self.extents[at], 1), hint, [], inside)


@dataclass(frozen=True)
class ProductAxes:
    """The axes of `result[batch, row, column] = sum over terms of a[batch, row, term] * b[batch, column, term]`."""

    batch: ProductAxis
    rows: ProductAxis
    columns: ProductAxis
    terms: ProductAxis

    @staticmethod
    def of(extents: Sequence[int]) -> ProductAxes:
        """The axes of a space of which the last three dims are rows, columns and terms."""
        *batch, rows, columns, terms = range(len(extents))
        axes = (ProductAxis.of(dims, extents) for dims in (batch, [rows], [columns], [terms]))
        return ProductAxes(*axes)
