"""Equations and inverses of square matrices: elimination, then substitution with both factors.

With A Q = L U the solution of A @ X = B is Q U^-1 L^-1 B, and that of A^T @ X = B is L^-T U^-T Q^T B: Q places row i
where column i comes from. The inverse has the identity for B.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, i1, i32
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.matrix_algorithms import ByElimination
from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.loops.linear_algebra.elimination import Factors, factor
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.matrix_memory import Matrix, Panel, Values
from pullback.passes.loops.linear_algebra.triangular_solve import Substitution, substitute
from pullback.passes.lowering.buffer_view import index_of
from pullback.passes.lowering.code_builder import Term, result_of
from pullback.passes.lowering.strided_layout import memref_of
from pullback.passes.lowering.vector_registers import SECOND_CACHE

LARGEST = 4 * SECOND_CACHE
"""Bytes of a matrix up to which one thread eliminates faster than LAPACK does; beyond them memory is waited for."""
CopyRow: TypeAlias = Callable[[Sequence[Term], Sequence[Term], Panel], None]
"""Copies what is in a panel of a row, given the places of a column in the factored matrix, and in the matrix."""


def scratch_of_elimination(types: Sequence[MemRefType]) -> list[MemRefType] | None:
    """Memory for the factors, for a solution, and for the numbers of columns; None for matrices that the host factors.

    LAPACK uses what it loads more often, and shares it out to threads.
    """
    *_, size, columns = types[-1].get_shape()
    kind = types[-1].element_type
    if size * size * bit_width(kind) > 8 * LARGEST:
        return None
    numbers = memref_of(i32, max(size, 1))
    return [memref_of(kind, max(size * size, 1)), memref_of(kind, max(size * columns, 1)), numbers, numbers]


def lower_general_solve(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Solves for all right sides, or inverts; the host raises an exception for a singular matrix."""
    assert isinstance(op, ByElimination)
    if code.is_empty:
        return code.builder.number(False, i1).value
    result = len(op.operands)
    *batch, size, columns = code.shape(result)

    def solve(indices: Sequence[SSAValue]) -> SSAValue:
        x = code.matrix(result, indices)
        factors = Factors(code.scratch(0, size), size, code.numbers(2), code.numbers(3))
        z = code.scratch(1, columns)
        code.copy(code.matrix(0, indices), factors.matrix, size, size)
        asks = factored(code, factors)
        steps = _Solving(code, factors, columns)
        if result == 1:
            code.set_identity(z, size, size)
            steps.forwards(z, x, z)
            steps.place(z, x)
        elif op.is_adjoint:
            steps.pick(code.matrix(1, indices), x)
            steps.adjoint(x, z)
        else:
            steps.forwards(code.matrix(1, indices), x, z)
            steps.place(z, x)
        return asks

    return code.any_of(batch, solve)


def factored(code: MatrixCode, factors: Factors) -> SSAValue:
    """Calls the function that factors matrices of this size, which all operations share."""
    memory = [factors.matrix.view.value, factors.columns.value, factors.exchanged.value]

    def body(inner: MatrixCode) -> SSAValue:
        return factor(
            inner, Factors(inner.scratch(0, factors.size), factors.size, inner.numbers(1), inner.numbers(2))
        )

    name = code.function(f"factors_{factors.size}x{factors.size}x{code.element_type}", memory, body)
    return result_of(func.CallOp(name, memory, [i1]), "asks")


class _Solving:
    """The steps of a solution with factors."""

    def __init__(self, code: MatrixCode, factors: Factors, columns: int) -> None:
        self._code, self._factors, self._columns = code, factors, columns

    def forwards(self, b: Matrix, x: Matrix, z: Matrix) -> None:
        """Solves with L, from `b` to `x`, and with U, from `x` to `z`."""
        a, size = self._factors.matrix, self._factors.size
        self._substitute(Substitution(a, b, x, size, forward=True))
        self._substitute(Substitution(a, x, z, size, forward=False, unit=True))

    def adjoint(self, x: Matrix, z: Matrix) -> None:
        """Solves with the transposed factors, from `x` to `z` and back."""
        a, size = self._factors.matrix.turned, self._factors.size
        self._substitute(Substitution(a, x, z, size, forward=True, unit=True))
        self._substitute(Substitution(a, z, x, size, forward=False))

    def _substitute(self, equation: Substitution) -> None:
        work = equation.size**2 * self._columns // 2
        self._code.over_panels(
            [], self._columns, work, lambda _, panel: substitute(self._code, equation, panel)
        )

    def place(self, z: Matrix, x: Matrix) -> None:
        """Copies each row to the place where its column comes from."""
        self._rows(lambda at, origin, panel: self._copy(z, at, x, origin, panel))

    def pick(self, b: Matrix, x: Matrix) -> None:
        """Copies each row from the place where its column comes from."""
        self._rows(lambda at, origin, panel: self._copy(b, origin, x, at, panel))

    def _copy(self, a: Matrix, at: Sequence[Term], b: Matrix, to: Sequence[Term], panel: Panel) -> None:
        self._code.store_row(b, to, panel, self._code.row(a, at, panel))

    def _rows(self, copy: CopyRow) -> None:
        builder = self._code.builder

        def row(at: SSAValue, carried: Values) -> Values:
            origin = index_of(self._factors.columns.load(builder, [(at, 1)], 0))
            self._code.over_panels(
                [], self._columns, 0, lambda _, panel: copy([(at, 1)], [(origin, 1)], panel)
            )
            return carried

        builder.loop((0, self._factors.size, 1), "row", [], row)
