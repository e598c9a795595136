"""Factors of square matrices by elimination, for equations and inverses: A Q = L U, in place, row by row.

Rows stay, and columns are exchanged: the pivot is the largest element of what is left of its row, so that
all loops go along rows. L has the pivots on its diagonal, and U has ones. A block of rows is eliminated row by row,
then from all rows below at once:

    a[i, j] -= sum(a[i, r] * a[r, j])       rows i below, r of the block: a product, rows times vectors in registers
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.arith import IndexCastOp
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.op.scalar_functions import absolute, select
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.matrix_memory import Matrix, Panel, Values
from pullback.passes.loops.vector_access import store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView, index_of
from pullback.passes.lowering.code_builder import Term, result_of, splat
from pullback.passes.lowering.vector_registers import CACHE_LINE

BLOCK = 8
"""Rows that are eliminated from the others at once."""
TILE = 4
"""Rows below that are in registers at once."""


@dataclass(frozen=True)
class Factors:
    """A matrix that is factored in place, and where its columns come from.

    Args:
        matrix: of so many rows and columns; holds L and U afterwards.
        columns: the number, in the matrix, of each column of the factored one.
        exchanged: memory for the numbers of columns that pivots were found in.
    """

    matrix: Matrix
    size: int
    columns: BufferView
    exchanged: BufferView


def factor(code: MatrixCode, factors: Factors) -> SSAValue:
    """Factors the matrix, and tells whether it may be singular.

    It may be where the least pivot is as small as what is rounded off of others, and where there are infinities or NaN.
    """
    builder, size = code.builder, factors.size
    lanes = code.lanes_of(min(size, code.most_lanes))[0].count
    search = PivotSearch(code, factors, Lanes(0, lanes))

    def number(at: SSAValue, carried: Values) -> Values:
        factors.columns.store(builder, _as_i32(at), [(at, 1)], 0)
        return carried

    builder.loop((0, size, 1), "column", [], number)

    def block(first: SSAValue, carried: Values) -> Values:
        end = builder.at_most(builder.sum_of([(first, 1)], BLOCK), size)
        bounds = first, end, builder.index(1)
        found = builder.loop_between(
            bounds, "row", carried, lambda row, values: _eliminate_row(search, first, row, end, values)
        )
        _exchange_in(code, factors, (builder.index(0), first), (first, end))
        _exchange_in(code, factors, (end, builder.index(size)), (first, end))
        _eliminate_block(code, factors, first, end)
        return found

    large = builder.number(float(np.finfo(code.numpy_dtype).max), code.element_type).value
    none = builder.number(0.0, code.element_type).value
    least, total = builder.loop((0, size, BLOCK), "block", [large, none], block)
    is_fine = Scalar(least) > Scalar(total) * float(np.finfo(code.numpy_dtype).eps)
    return (~is_fine).value


def _as_i32(at: SSAValue) -> Scalar:
    """An index as it is stored."""
    return Scalar(result_of(IndexCastOp(at, i32)))


# ---- rows of a block ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PivotSearch:
    """The search for the largest element of a row, with a vector of the largest ones in each lane."""

    code: MatrixCode
    factors: Factors
    lanes: Lanes

    def pivot(self, row: SSAValue) -> SSAValue:
        """The column of the element of largest absolute value, from the diagonal on."""
        code, count = self.code, self.lanes.count
        builder = code.builder
        values = code.on_stack("largest", count)
        places = code.on_stack("places", count, i32)
        zero = builder.number(0.0, vector_type(code.element_type, count)).value
        start = splat(_as_i32(row), count).value

        def look(panel: Panel, carried: Values) -> Values:
            best, place = map(Scalar, carried)
            (vector,) = map(absolute, code.row(self.factors.matrix, [(row, 1)], panel))
            here = splat(_as_i32(builder.sum_of(panel.start, 0)), count)
            is_larger = vector > best
            return [select(is_larger, vector, best).value, select(is_larger, here, place).value]

        best, place = code.along(row, self.factors.size, [self.lanes], [zero, start], look)
        store_vector(values, builder, self.lanes, Scalar(best), ([], 0, 1))
        store_vector(places, builder, self.lanes, Scalar(place), ([], 0, 1))

        def lane(at: SSAValue, carried: Values) -> Values:
            value, place = values.load(builder, [(at, 1)], 0), places.load(builder, [(at, 1)], 0)
            is_larger = value > Scalar(carried[0])
            column = builder.sum_of([(index_of(place), 1), (at, 1)], 0)
            return [
                select(is_larger, value, Scalar(carried[0])).value,
                select(is_larger, Scalar(column), Scalar(carried[1])).value,
            ]

        none = builder.number(0.0, code.element_type).value
        return builder.loop((0, count, 1), "lane", [none, row], lane)[1]


def _eliminate_row(
    search: PivotSearch, first: SSAValue, row: SSAValue, end: SSAValue, carried: Values
) -> Values:
    """Exchanges the columns of the pivot, divides the row by it, and eliminates the row from its block below."""
    code, factors = search.code, search.factors
    builder, matrix = code.builder, factors.matrix
    column = search.pivot(row)
    factors.exchanged.store(builder, _as_i32(column), [(row, 1)], 0)
    _exchange(code, factors.columns, [(row, 1)], [(column, 1)])

    def exchange(other: SSAValue, values: Values) -> Values:
        at = [(other, 1)]
        _exchange(code, matrix.view, matrix.at(at, [(row, 1)]), matrix.at(at, [(column, 1)]))
        return values

    one = builder.index(1)
    builder.loop_between((first, end, one), "other", [], exchange)
    pivot = code.element(matrix, [(row, 1)], [(row, 1)])
    below = builder.sum_of([(row, 1)], 1)

    def panel(at: Panel, values: Values) -> Values:
        scaled = code.quotient(code.row(matrix, [(row, 1)], at), pivot)
        code.store_row(matrix, [(row, 1)], at, scaled)
        negated = [-vector for vector in scaled]

        def eliminate(other: SSAValue, inner: Values) -> Values:
            where: list[Term] = [(other, 1)]
            sums = code.row(matrix, where, at)
            made = code.plus_product(sums, code.element(matrix, where, [(row, 1)]), negated)
            code.store_row(matrix, where, at, made)
            return inner

        builder.loop_between((below, end, one), "other", [], eliminate)
        return values

    code.along(below, factors.size, code.wide_of(factors.size), [], panel)
    size = absolute(pivot)
    least, total = map(Scalar, carried)
    return [select(size < least, size, least).value, (total + size).value]


def _exchange(code: MatrixCode, view: BufferView, a: Sequence[Term], b: Sequence[Term]) -> None:
    """Exchanges two elements."""
    of_a, of_b = (view.load(code.builder, at, 0) for at in (a, b))
    view.store(code.builder, of_b, a, 0)
    view.store(code.builder, of_a, b, 0)


def _exchange_in(
    code: MatrixCode, factors: Factors, rows: tuple[SSAValue, SSAValue], pivots: tuple[SSAValue, SSAValue]
) -> None:
    """Exchanges in other rows what was exchanged in those of a block."""
    builder, matrix, one = code.builder, factors.matrix, code.builder.index(1)

    def row(at: SSAValue, carried: Values) -> Values:
        def exchange(pivot: SSAValue, inner: Values) -> Values:
            column = index_of(factors.exchanged.load(builder, [(pivot, 1)], 0))
            where: list[Term] = [(at, 1)]
            _exchange(code, matrix.view, matrix.at(where, [(pivot, 1)]), matrix.at(where, [(column, 1)]))
            return inner

        builder.loop_between((*pivots, one), "pivot", [], exchange)
        return carried

    builder.loop_between((*rows, one), "other", [], row)


# ---- rows below a block -------------------------------------------------------------------------------------


def _eliminate_block(code: MatrixCode, factors: Factors, first: SSAValue, end: SSAValue) -> None:
    """Eliminates the rows of a block from all below it, a tile of rows after the other."""
    builder, size = code.builder, factors.size
    if size <= BLOCK:
        return
    whole = size // TILE * TILE

    def tile(at: SSAValue, carried: Values) -> Values:
        _eliminate_from(code, factors, first, (at, TILE))
        return carried

    builder.loop_between((end, builder.index(whole), builder.index(TILE)), "tile", [], tile)
    if whole < size:
        exists = result_of(CmpiOp(end, builder.index(whole), "sle"), "exists")
        builder.when(
            exists, lambda: _eliminate_from(code, factors, first, (builder.index(whole), size - whole))
        )


def _eliminate_from(code: MatrixCode, factors: Factors, first: SSAValue, tile: tuple[SSAValue, int]) -> None:
    builder, matrix = code.builder, factors.matrix
    rows: list[list[Term]] = [[(tile[0], 1), (builder.index(at), 1)] for at in range(tile[1])]
    block: list[list[Term]] = [[(first, 1), (builder.index(at), 1)] for at in range(BLOCK)]
    for row in rows:
        found = [code.element(matrix, row, column) for column in block]
        for at in range(1, BLOCK):
            for before in range(at):
                found[at] = found[at] - found[before] * code.element(matrix, block[before], block[at])
            matrix.view.store(builder, found[at], matrix.at(row, block[at]), 0)

    start = builder.sum_of([(first, 1)], BLOCK)
    # Where rows begin with a line of the cache, so do panels. Elsewhere it is not worth the zeros for columns before.
    is_aligned = factors.size * bit_width(code.element_type) % CACHE_LINE == 0

    def panel(at: Panel) -> None:
        sums = [code.row(matrix, row, at) for row in rows]
        width = len(at.lanes)

        def term(number: SSAValue, totals: Values) -> Values:
            column: list[Term] = [(first, 1), (number, 1)]
            negated = [-vector for vector in code.row(matrix, column, at)]
            negated = code.from_column(negated, at, start) if is_aligned else negated
            return [
                vector.value
                for r, row in enumerate(rows)
                for vector in code.plus_product(
                    list(map(Scalar, totals[r * width : (r + 1) * width])),
                    code.element(matrix, row, column),
                    negated,
                )
            ]

        made = builder.loop((0, BLOCK, 1), "term", [v.value for row in sums for v in row], term)
        for r, row in enumerate(rows):
            code.store_row(matrix, row, at, list(map(Scalar, made[r * width : (r + 1) * width])))

    def next_panel(at: Panel, carried: Values) -> Values:
        panel(at)
        return carried

    if is_aligned:
        code.over_panels_from(start, factors.size, panel)
    else:
        code.along(start, factors.size, code.wide_of(factors.size), [], next_panel)
