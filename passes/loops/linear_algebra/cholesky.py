"""Cholesky factors of symmetric matrices: A = U^T U, a block of rows of U after the other, then L = U^T.

What is right of a block of rows i is what was there, without the products of all rows above, divided by the block's own
triangle:

    u[i, j] = a[j, i] - sum(u[p, i] * u[p, j])            rows times vectors are sums in registers

U is computed in the memory of the result, above the diagonal; L is copied below it, and zeros are stored above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import MemRefType, i1
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.op.scalar_functions import sqrt
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.matrix_memory import Matrix, Panel, Values
from pullback.passes.loops.linear_algebra.triangular_solve import minus_products
from pullback.passes.loops.vectors import Lanes, lane, tail_mask
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.vector_registers import SECOND_CACHE

LARGEST = 16 * SECOND_CACHE
"""Bytes of a matrix up to which one thread factors it faster than LAPACK does; beyond them memory is waited for."""


def scratch_of_cholesky(types: Sequence[MemRefType]) -> Sequence[MemRefType] | None:
    """None for matrices that the host factors."""
    *_, rows, columns = types[0].get_shape()
    return () if rows * columns * bit_width(types[0].element_type) <= 8 * LARGEST else None


def lower_cholesky(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Factors each matrix; the host raises an exception for those that are not positive definite."""
    if code.is_empty:
        return code.builder.number(False, i1).value
    *batch, size, _ = code.shape(1)

    def each(indices: Sequence[SSAValue]) -> SSAValue:
        factor = CholeskyFactor(
            code, code.matrix(0, indices), code.matrix(1, indices), size, min(code.rows, size)
        )
        asks = factor.upper()
        factor.lower()
        return asks

    return code.any_of(batch, each)


@dataclass(frozen=True)
class CholeskyFactor:
    """The factor `u` of a matrix `a` of so many rows, in blocks of `height`.

    The last block has rows that were in the one before, and finds the same for them again.
    """

    code: MatrixCode
    a: Matrix
    u: Matrix
    size: int
    height: int

    def _block(self, at: SSAValue) -> tuple[SSAValue, list[list[Term]]]:
        """The first row of a block, and all of them."""
        builder = self.code.builder
        first = builder.at_most(at, self.size - self.height, "first")
        return first, [[(first, 1), (builder.index(row), 1)] for row in range(self.height)]

    def upper(self) -> SSAValue:
        """Computes U, and tells whether a pivot was not positive."""
        builder = self.code.builder

        def block(at: SSAValue, carried: Values) -> Values:
            first, rows = self._block(at)
            start = builder.product(builder.quotient(first, self._width), self._width, "start")
            self._read(start, rows)
            is_wrong = self._factor_triangle(first, rows)
            self._from_panels(rows, first)
            return [(Scalar(carried[0]) | is_wrong).value]

        no = builder.number(False, i1).value
        return builder.loop((0, self.size, self.height), "block", [no], block)[0]

    @property
    def _width(self) -> int:
        return self.code.panel_width(self.size)

    def _read(self, start: SSAValue, rows: Sequence[Sequence[Term]]) -> None:
        """Copies columns of `a`, from some row on, to rows of `u`; those left of the diagonal are of no meaning."""
        code, builder = self.code, self.code.builder

        def column(at: SSAValue, carried: Values) -> Values:
            for row in rows:
                value = code.element(self.a, [(at, 1)], row)
                self.u.view.store(builder, value, self.u.at(row, [(at, 1)]), 0)
            return carried

        builder.loop_between((start, builder.index(self.size), builder.index(1)), "column", [], column)

    def _factor_triangle(self, first: SSAValue, rows: Sequence[Sequence[Term]]) -> Scalar:
        """Factors the triangle of a block, to memory on the stack, and tells whether a pivot was not positive."""
        code, builder, count = self.code, self.code.builder, self.height
        lanes = self._triangle_lanes
        panel = Panel([(first, 1)], [lanes])
        sums = [code.row(self.u, row, panel) for row in rows]
        sums = minus_products(code, self.u.turned, self.u, panel, rows, sums, (first, None))
        is_wrong = builder.number(False, i1)
        for at in range(count):
            pivot = lane(sums[at][0], at)
            is_wrong = is_wrong | ~(pivot > 0.0)
            sums[at] = code.quotient(sums[at], sqrt(pivot))
            code.store_row(self._triangle, [(builder.index(at), 1)], Panel([], [lanes]), sums[at])
            negated = [-vector for vector in sums[at]]
            for other in range(at + 1, count):
                sums[other] = code.plus_product(sums[other], lane(sums[at][0], other), negated)
        return is_wrong

    @property
    def _triangle_lanes(self) -> Lanes:
        lanes = max(2, 1 << (self.height - 1).bit_length())
        mask = None if lanes == self.height else tail_mask(self.code.builder, self.height, lanes)
        return Lanes(0, lanes, mask)

    @property
    def _triangle(self) -> Matrix:
        """Memory for the triangle of a block."""
        lanes = self._triangle_lanes.count
        return Matrix(self.code.on_stack("triangle", lanes * lanes), [], lanes)

    def _from_panels(self, rows: Sequence[Sequence[Term]], first: SSAValue) -> None:
        """Computes a block of rows of `u`, from its first column on, with its triangle."""
        code, builder = self.code, self.code.builder

        def panel(at: Panel) -> None:
            sums = [code.row(self.u, row, at) for row in rows]
            sums = minus_products(code, self.u.turned, self.u, at, rows, sums, (first, None))
            numbers: list[list[Term]] = [[(builder.index(row), 1)] for row in range(len(rows))]
            for row, number in enumerate(numbers):
                sums[row] = code.quotient(sums[row], code.element(self._triangle, number, number))
                code.store_row(self.u, rows[row], at, sums[row])
                negated = [-vector for vector in sums[row]]
                for other in range(row + 1, len(rows)):
                    factor = code.element(self._triangle, number, numbers[other])
                    sums[other] = code.plus_product(sums[other], factor, negated)

        code.over_panels_from(first, self.size, panel)

    def lower(self) -> None:
        """Copies `u` to the other side of the diagonal, and clears it."""
        code, builder, view = self.code, self.code.builder, self.u.view

        def block(at: SSAValue, carried: Values) -> Values:
            first, rows = self._block(at)
            for number, row in enumerate(rows):
                for other in rows[:number]:
                    view.store(builder, code.element(self.u, other, row), self.u.at(row, other), 0)

            def column(where: SSAValue, inner: Values) -> Values:
                for row in rows:
                    value = code.element(self.u, row, [(where, 1)])
                    view.store(builder, value, self.u.at([(where, 1)], row), 0)
                return inner

            behind = builder.sum_of([(first, 1)], self.height)
            builder.loop_between((behind, builder.index(self.size), builder.index(1)), "column", [], column)
            return carried

        builder.loop((0, self.size, self.height), "block", [], block)

        def clear(row: SSAValue, carried: Values) -> Values:
            def element(column: SSAValue, inner: Values) -> Values:
                zero = builder.number(0.0, code.element_type)
                view.store(builder, zero, self.u.at([(row, 1)], [(column, 1)]), 0)
                return inner

            bounds = builder.sum_of([(row, 1)], 1), builder.index(self.size), builder.index(1)
            builder.loop_between(bounds, "column", [], element)
            return carried

        builder.loop((0, self.size, 1), "row", [], clear)
