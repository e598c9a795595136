"""Determinants and cofactors: of small matrices by minors, without divisions, of others by elimination.

A minor is the determinant of some rows and columns. Each is computed once, from the elements of its first row and other
minors. What f32 holds is computed in f64.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import MemRefType, f64, i1
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import absolute, log, select
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.loops.linear_algebra.elimination import Factors
from pullback.passes.loops.linear_algebra.general_solve import factored, scratch_of_elimination
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.matrix_memory import Matrix, Values
from pullback.passes.lowering.buffer_view import index_of
from pullback.passes.lowering.code_builder import result_of

BY_MINORS = 4
"""Rows up to which matrices are small."""
Places = tuple[int, ...]


class Minors:
    """The minors of one matrix."""

    def __init__(self, code: MatrixCode, matrix: Matrix, size: int) -> None:
        index = code.builder.index
        self.elements = [
            [code.element(matrix, [(index(i), 1)], [(index(j), 1)]).cast(f64) for j in range(size)]
            for i in range(size)
        ]
        self._known: dict[tuple[Places, Places], Scalar] = {}

    def of(self, rows: Places, columns: Places) -> Scalar:
        """The determinant of these rows and columns, of which there is one at least."""
        if len(rows) == 1:
            return self.elements[rows[0]][columns[0]]
        if (rows, columns) not in self._known:
            terms = [
                self.elements[rows[0]][column] * self.of(rows[1:], columns[:at] + columns[at + 1 :])
                for at, column in enumerate(columns)
            ]
            total = terms[0]
            for at, term in enumerate(terms[1:]):
                total = total + term if at % 2 else total - term
            self._known[rows, columns] = total
        return self._known[rows, columns]


# ---- cofactors ----------------------------------------------------------------------------------------------


def scratch_of_cofactors(types: Sequence[MemRefType]) -> list[MemRefType] | None:
    """None for matrices whose cofactors the host finds, from their singular values."""
    return [] if 1 < types[0].get_shape()[-1] <= BY_MINORS else None


def lower_cofactors(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Computes the cofactors of each matrix; the host does where one is not finite."""
    if code.is_empty:
        return code.builder.number(False, i1).value
    *batch, size, _ = code.shape(0)

    def each(indices: Sequence[SSAValue]) -> SSAValue:
        minors, result = Minors(code, code.matrix(0, indices), size), code.matrix(1, indices)
        total = code.builder.number(0.0, code.element_type)
        for i in range(size):
            for j in range(size):
                others = tuple(n for n in range(size) if n != i), tuple(n for n in range(size) if n != j)
                found = minors.of(*others)
                rounded = (-found if (i + j) % 2 else found).cast(code.element_type)
                at = [(code.builder.index(i), 1)], [(code.builder.index(j), 1)]
                result.view.store(code.builder, rounded, result.at(*at), 0)
                total = total + absolute(rounded)
        return (~(total <= code.largest)).value

    return code.any_of(batch, each)


# ---- determinants -------------------------------------------------------------------------------------------


def scratch_of_determinants(types: Sequence[MemRefType]) -> list[MemRefType] | None:
    """Memory for the factors, and for the numbers of columns."""
    if types[0].get_shape()[-1] <= BY_MINORS and len(types) == 2:
        return []
    memory = scratch_of_elimination(types[:1])
    return None if memory is None else [memory[0], *memory[2:]]


def lower_determinants(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Computes each determinant; the host does where one is not finite, or may be 0."""
    *batch, size, _ = code.shape(0)
    if not size or code.is_empty:
        return code.builder.number(not size and 0 not in batch, i1).value

    def by_minors(indices: Sequence[SSAValue]) -> SSAValue:
        every = tuple(range(size))
        found = Minors(code, code.matrix(0, indices), size).of(every, every).cast(code.element_type)
        code.store_number(1, indices, found)
        return (~(absolute(found) <= code.largest)).value

    def by_factors(indices: Sequence[SSAValue]) -> SSAValue:
        factors, asks = _factors(code, indices, size)
        one = code.builder.number(1.0, code.element_type).value

        def pivot(at: SSAValue, carried: Values) -> Values:
            value, is_exchanged = _pivot(code, factors, at)
            return [(Scalar(carried[0]) * select(is_exchanged, -value, value)).value]

        (product,) = code.builder.loop((0, size, 1), "pivot", [one], pivot)
        code.store_number(1, indices, Scalar(product))
        return _or_not_between(code, asks, absolute(Scalar(product)))

    return code.any_of(batch, by_minors if size <= BY_MINORS else by_factors)


def lower_log_determinants(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Computes the sign of each determinant, and its logarithm; the host does where it may be 0, or is not finite."""
    *batch, size, _ = code.shape(0)
    if not size or code.is_empty:
        return code.builder.number(not size and 0 not in batch, i1).value

    def each(indices: Sequence[SSAValue]) -> SSAValue:
        factors, asks = _factors(code, indices, size)
        inits = [code.builder.number(n, t).value for n, t in ((1.0, code.element_type), (0.0, f64))]

        def pivot(at: SSAValue, carried: Values) -> Values:
            value, is_exchanged = _pivot(code, factors, at)
            is_negative = (value < 0.0) ^ is_exchanged
            sign, total = map(Scalar, carried)
            return [
                select(is_negative, -sign, sign).value,
                (total + log(absolute(value)).cast(f64)).value,
            ]

        sign, total = code.builder.loop((0, size, 1), "pivot", inits, pivot)
        code.store_number(1, indices, Scalar(sign))
        code.store_number(2, indices, Scalar(total).cast(code.element_type))
        return asks

    return code.any_of(batch, each)


def _factors(code: MatrixCode, indices: Sequence[SSAValue], size: int) -> tuple[Factors, SSAValue]:
    """Factors a copy of a matrix, and tells whether it may be singular."""
    factors = Factors(code.scratch(0, size), size, code.numbers(1), code.numbers(2))
    code.copy(code.matrix(0, indices), factors.matrix, size, size)
    return factors, factored(code, factors)


def _pivot(code: MatrixCode, factors: Factors, at: SSAValue) -> tuple[Scalar, Scalar]:
    """A pivot, and whether columns were exchanged for it, which changes the sign of the determinant."""
    column = index_of(factors.exchanged.load(code.builder, [(at, 1)], 0))
    is_exchanged = Scalar(result_of(CmpiOp(column, at, "ne")))
    return code.element(factors.matrix, [(at, 1)], [(at, 1)]), is_exchanged


def _or_not_between(code: MatrixCode, asks: SSAValue, size: Scalar) -> SSAValue:
    """Tells whether a product over- or underflowed, or is asked about anyway."""
    is_normal = (size <= code.largest) & (size >= code.smallest)
    return (Scalar(asks) | ~is_normal).value
