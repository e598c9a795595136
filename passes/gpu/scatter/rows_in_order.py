"""Rows by their place in the order of their indices: those that are scattered, and partial sums of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.scatter.order import SortedRows, key_type
from pullback.passes.gpu.scatter.scattered_rows import ScatteredRows


@dataclass(frozen=True)
class RowsInOrder(ABC):
    """Rows by their place in the order of their indices."""

    rows: ScatteredRows
    count: int

    @abstractmethod
    def index(self, builder: KernelBuilder, place: SSAValue) -> Scalar:
        """The index that a row names; `rows` of the output, where there is none."""

    @abstractmethod
    def element(self, builder: KernelBuilder, place: SSAValue, column: SSAValue) -> Scalar:
        """An element of a row."""

    @abstractmethod
    def add(self, total: Scalar, element: Scalar) -> Scalar:
        """A sum with one more element."""


@dataclass(frozen=True)
class GivenRows(RowsInOrder):
    """The rows that the kernel is given."""

    order: SortedRows

    def index(self, builder: KernelBuilder, place: SSAValue) -> Scalar:
        return self.order.index(self.order.key(builder, place))

    def element(self, builder: KernelBuilder, place: SSAValue, column: SSAValue) -> Scalar:
        number = self.order.number(self.order.key(builder, place))
        return self.rows.point(builder, number, column).values([self.rows.output.node])[0]

    def add(self, total: Scalar, element: Scalar) -> Scalar:
        assert self.rows.output.combine is not None
        return self.rows.output.combine(total, element)


@dataclass(frozen=True)
class PartialSums(RowsInOrder):
    """The partial sums that chunks have left, by the numbers of their parameters."""

    sums: int
    indices: int

    @staticmethod
    def of(parameters: Parameters, rows: ScatteredRows, chunks: int) -> PartialSums:
        """Scratch memory for those of so many chunks."""
        count, element_type = 2 * chunks, rows.output.node.element_type
        sums = parameters.scratch(TOTALS.get(element_type, element_type), count * rows.columns.size)
        return PartialSums(rows, count, sums, parameters.scratch(key_type(rows), count))

    def index(self, builder: KernelBuilder, place: SSAValue) -> Scalar:
        return builder.views[self.indices].load(builder, [(place, 1)], 0)

    def element(self, builder: KernelBuilder, place: SSAValue, column: SSAValue) -> Scalar:
        terms = [(place, self.rows.columns.size), (column, 1)]
        return builder.views[self.sums].load(builder, terms, 0)

    def add(self, total: Scalar, element: Scalar) -> Scalar:
        return total + element
