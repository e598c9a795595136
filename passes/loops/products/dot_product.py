"""Products of few rows or columns whose terms are neighbours in both operands: sums in vectors along the terms.

for each block of rows and columns, in parallel:
  for each vector of terms: sums[row, column][:] += a[row, terms] * b[column, terms]
  the lanes of each sum are added up in halves
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import vector
from xdsl.dialects.builtin import VectorType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.operand_reading import K_BLOCK
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.vectors import numbers, part
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.nodes import Contraction

FEW = 2
"""Rows or columns up to which the other operand is read once, whichever way it is multiplied."""
SUMS = 8
"""Sums of a block: so many additions are under way at once."""


@dataclass(frozen=True)
class DotProduct:
    """A product of which each result is the sum along two lines."""

    kernel: KernelFunction
    product: Contraction
    axes: ProductAxes
    a: ProductOperand
    b: ProductOperand
    count: int

    @staticmethod
    def suits(axes: ProductAxes, a: ProductOperand, b: ProductOperand, count: int) -> bool:
        """Tells whether a product is computed so: sums stay short in each lane."""
        few = 0 < min(axes.rows.size, axes.columns.size) <= FEW and axes.terms.is_single
        along = all(operand.is_contiguous(axes.terms) for operand in (a, b))
        return few and along and 2 * count <= axes.terms.size <= K_BLOCK * count

    def lower(self) -> None:
        """One block of rows and columns after the other; those at the end begin earlier, if need be."""
        axes, builder = self.axes, self.kernel.builder
        rows = min(axes.rows.size, SUMS)
        columns = min(axes.columns.size, max(SUMS // rows, 1))
        bounds = [(0, extent, 1) for extent in axes.batch.extents]
        bounds += [(0, axes.rows.size, rows), (0, axes.columns.size, columns)]

        def block(*indices: SSAValue) -> None:
            *matrix, row, column = indices
            known = dict(zip(axes.batch.dims, matrix, strict=True))
            root = self.kernel.root.inside(builder.insertion_point, known)
            self._block(root, (row, rows), (column, columns))

        with builder.entering(builder.block):
            builder.parallel(bounds, ["matrix"] * len(axes.batch.dims) + ["row", "column"], block)

    def _block(self, root: LoopLevel, rows: tuple[SSAValue, int], columns: tuple[SSAValue, int]) -> None:
        a, b, builder = self.a, self.b, self.kernel.builder
        row_numbers, column_numbers = self._numbers(a, *rows), self._numbers(b, *columns)
        row_levels = [a.line(root, at) for at in row_numbers]
        column_levels = [b.line(root, at) for at in column_numbers]

        def added(term: SSAValue, size: int, sums: Sequence[SSAValue]) -> list[SSAValue]:
            at = {self.axes.terms.last: term}
            second = [b.vector_of_terms(level, at, self.count, size) for level in column_levels]
            left = iter(sums)
            result: list[SSAValue] = []
            for level in row_levels:
                first = a.vector_of_terms(level, at, self.count, size)
                result += [multiply_add(first, other, next(left)) for other in second]
            return result

        zero = builder.number(0, vector_type(self.product.element_type, self.count)).value
        terms = self.axes.terms.size
        full = terms // self.count * self.count
        sums = builder.loop(
            (0, full, self.count),
            "k",
            [zero] * (len(row_levels) * len(column_levels)),
            lambda term, sums: added(term, self.count, sums),
        )
        if full < terms:
            sums = added(builder.index(full), terms - full, sums)
        self._store(
            root, row_numbers, column_numbers, [lanes_added(Scalar(s)) for s in sums], (rows, columns)
        )

    def _numbers(self, operand: ProductOperand, first: SSAValue, size: int) -> list[SSAValue]:
        """The numbers of some lines; the last one's in place of those that do not exist."""
        builder, lines = self.kernel.builder, operand.lines.size
        numbers = [builder.sum_of([(first, 1)], number, "line") for number in range(size)]
        if lines % size:
            numbers[1:] = [builder.at_most(at, lines - 1, "line") for at in numbers[1:]]
        return numbers

    def _store(
        self,
        root: LoopLevel,
        rows: Sequence[SSAValue],
        columns: Sequence[SSAValue],
        sums: Sequence[Scalar],
        first: tuple[tuple[SSAValue, int], tuple[SSAValue, int]],
    ) -> None:
        """Computes and stores what is made of each sum, if its row and column exist."""
        builder, axes = self.kernel.builder, self.axes
        left = iter(sums)
        for row_number, row in enumerate(rows):
            for column_number, column in enumerate(columns):
                value = next(left)
                indices = {**axes.rows.indices(builder, row), **axes.columns.indices(builder, column)}

                def result(indices: dict[int, SSAValue] = indices, value: Scalar = value) -> None:
                    level = root.inside(builder.insertion_point, indices)
                    level.known[self.product] = value
                    level.store_outputs(self.kernel.outputs, self.kernel.results)

                exists = [
                    builder.is_before(builder.sum_of([(start, 1)], number, "line"), axis.size)
                    for axis, (start, size), number in zip(
                        (axes.rows, axes.columns), first, (row_number, column_number), strict=True
                    )
                    if number and axis.size % size
                ]
                if exists:
                    assert len(exists) == 1, "blocks are long along one axis alone"
                    builder.when(exists[0], result)
                else:
                    result()


def lanes_added(value: Scalar) -> Scalar:
    """The sum of all lanes, in halves."""
    assert isinstance(value.type, VectorType)
    count = value.type.get_shape()[0]
    while count > 1:
        count //= 2
        value = part(value, 0, count) + part(value, count, count)
    extract = new_operation(
        vector.ExtractOp,
        operands=[value.value],
        result_types=[value.element_type],
        properties={"static_position": numbers(0)},
    )
    return Scalar(result_of(extract, "sum"))
