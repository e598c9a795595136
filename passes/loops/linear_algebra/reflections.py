"""QR factors by reflections (Householder): columns of a copy of the matrix, one after the other, become those of R.

A reflection I - t v v^T turns what is left of a column into a multiple of the first unit vector. It is applied to the
columns behind, row by row: first their products with v, which registers hold for a panel, then what these take away.
Below the diagonal the copy has the vectors v, which build Q from an identity, the last one first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import MemRefType, i1
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.op.scalar_functions import copysign, select, sqrt
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.matrix_memory import Matrix, Panel, Values, splatted
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.strided_layout import memref_of
from pullback.passes.lowering.vector_registers import SECOND_CACHE

LARGEST = SECOND_CACHE // 8
"""Bytes of a matrix up to which reflections one by one are faster than LAPACK's blocks of them."""


def scratch_of_reflections(types: Sequence[MemRefType]) -> list[MemRefType] | None:
    """Memory for a copy of the matrix, and for the factors t; None for matrices that the host factors."""
    *_, rows, columns = types[0].get_shape()
    kind = types[0].element_type
    if rows * columns * bit_width(kind) > 8 * LARGEST:
        return None
    return [memref_of(kind, max(rows * columns, 1)), memref_of(kind, max(min(rows, columns), 1))]


def lower_reflections(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Factors each matrix; the host does where what is left of a column is tiny, huge, or not finite."""
    *batch, rows, columns = code.shape(0)
    if code.is_empty:
        return code.builder.number(0 not in batch, i1).value

    def each(indices: Sequence[SSAValue]) -> SSAValue:
        work = code.scratch(0, columns)
        code.copy(code.matrix(0, indices), work, rows, columns)
        factors = Reflections(code, work, code.numbers(1), rows, columns)
        asks = factors.triangle()
        factors.store_r(code.matrix(2, indices))
        factors.store_q(code.matrix(1, indices))
        return asks

    return code.any_of(batch, each)


@dataclass(frozen=True)
class Reflections:
    """The reflections of a matrix of so many rows and columns, and R, in its memory; `factors` has t of each."""

    code: MatrixCode
    work: Matrix
    factors: BufferView
    rows: int
    columns: int

    @property
    def count(self) -> int:
        """How many there are."""
        return min(self.rows, self.columns)

    def triangle(self) -> SSAValue:
        """Finds all reflections, and tells whether one was computed from numbers that squares cannot stand for."""
        builder = self.code.builder

        def step(at: SSAValue, carried: Values) -> Values:
            asks = self._reflection(at)
            behind = builder.sum_of([(at, 1)], 1)
            self._apply(at, self.work, behind, self.columns)
            return [(Scalar(carried[0]) | asks).value]

        # What is left of the last column of a square matrix is one element: there is nothing to reflect.
        whole = min(self.count, self.rows - 1)
        (asks,) = builder.loop((0, whole, 1), "column", [builder.number(False, i1).value], step)
        if whole < self.count:
            self.factors.store(builder, self._number(0.0), [(builder.index(whole), 1)], 0)
        return asks

    def _number(self, value: float) -> Scalar:
        return self.code.builder.number(value, self.code.element_type)

    def _reflection(self, at: SSAValue) -> Scalar:
        """Finds the reflection of a column, leaves its v below the diagonal, and tells whether it is of no use."""
        code, builder = self.code, self.code.builder
        behind, end, one = builder.sum_of([(at, 1)], 1), builder.index(self.rows), builder.index(1)

        def square(row: SSAValue, carried: Values) -> Values:
            value = code.element(self.work, [(row, 1)], [(at, 1)])
            return [(Scalar(carried[0]) + value * value).value]

        (below,) = map(
            Scalar, builder.loop_between((behind, end, one), "row", [self._number(0.0).value], square)
        )
        first = code.element(self.work, [(at, 1)], [(at, 1)])
        total = first * first + below
        is_there = below.equal(0.0)
        turned = -copysign(sqrt(total), first)
        diagonal = select(is_there, first, turned)
        factor = select(is_there, self._number(0.0), (turned - first) / turned)
        scale = select(is_there, self._number(0.0), 1.0 / (first - turned))
        self.factors.store(builder, factor, [(at, 1)], 0)
        self.work.view.store(builder, diagonal, self.work.at([(at, 1)], [(at, 1)]), 0)

        def scaled(row: SSAValue, carried: Values) -> Values:
            value = code.element(self.work, [(row, 1)], [(at, 1)])
            self.work.view.store(builder, value * scale, self.work.at([(row, 1)], [(at, 1)]), 0)
            return carried

        builder.loop_between((behind, end, one), "row", [], scaled)
        smallest = code.smallest / float(np.finfo(code.numpy_dtype).eps)
        return ~((total >= smallest) & (total <= code.largest))

    def _apply(self, at: SSAValue, target: Matrix, start: SSAValue, end: int) -> None:
        """Applies a reflection to columns, from one to another, of matrices of as many rows."""
        code, builder = self.code, self.code.builder
        bounds = builder.sum_of([(at, 1)], 1), builder.index(self.rows), builder.index(1)
        factor = self.factors.load(builder, [(at, 1)], 0)

        def panel(where: Panel) -> None:
            first = code.row(target, [(at, 1)], where)

            def product(row: SSAValue, sums: Values) -> Values:
                element = code.element(self.work, [(row, 1)], [(at, 1)])
                return [
                    v.value
                    for v in code.plus_product(
                        list(map(Scalar, sums)), element, code.row(target, [(row, 1)], where)
                    )
                ]

            sums = builder.loop_between(bounds, "row", [v.value for v in first], product)
            products = [-(Scalar(v) * splatted(factor, Scalar(v))) for v in sums]
            negated = code.from_column(products, where, start)
            code.store_row(target, [(at, 1)], where, [a + b for a, b in zip(first, negated, strict=True)])

            def take(row: SSAValue, inner: Values) -> Values:
                place: list[Term] = [(row, 1)]
                element = code.element(self.work, place, [(at, 1)])
                made = code.plus_product(code.row(target, place, where), element, negated)
                code.store_row(target, place, where, made)
                return inner

            builder.loop_between(bounds, "row", [], take)

        code.over_panels_from(start, end, panel)

    def store_r(self, r: Matrix) -> None:
        """Stores R, with zeros below its diagonal."""
        code, builder = self.code, self.code.builder
        code.copy(self.work, r, self.count, self.columns)

        def clear(row: SSAValue, carried: Values) -> Values:
            def element(column: SSAValue, inner: Values) -> Values:
                r.view.store(builder, self._number(0.0), r.at([(row, 1)], [(column, 1)]), 0)
                return inner

            builder.loop_between((builder.index(0), row, builder.index(1)), "column", [], element)
            return carried

        builder.loop((0, self.count, 1), "row", [], clear)

    def store_q(self, q: Matrix) -> None:
        """Builds Q."""
        code, builder = self.code, self.code.builder
        code.set_identity(q, self.rows, self.count)

        def step(number: SSAValue, carried: Values) -> Values:
            at = builder.minus(builder.index(self.count - 1), number, "reflection")
            self._apply(at, q, at, self.count)
            return carried

        builder.loop((0, self.count, 1), "number", [], step)
