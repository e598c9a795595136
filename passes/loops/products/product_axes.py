"""The axes of a product, each of one or more dims of the kernel's space that are traversed as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.ir import SSAValue

from pullback.passes.lowering.code_builder import CodeBuilder


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

    def indices(self, builder: CodeBuilder, at: SSAValue) -> dict[int, SSAValue]:
        """The index along each dim of what has this number."""
        found: dict[int, SSAValue] = {}
        for dim, extent in list(zip(self.dims, self.extents, strict=True))[:0:-1]:
            found[dim] = builder.remainder(at, extent, "along")
            at = builder.quotient(at, extent, "around")
        return {self.dims[0]: at, **found}


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
