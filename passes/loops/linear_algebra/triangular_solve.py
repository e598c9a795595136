"""Substitution: equations of triangular matrices, a block of rows of the solution after the other.

For each panel of right sides that vectors hold, and rows i of a block, with what is solved already in rows j:

    x[i] = b[i] - sum(a[i, j] * x[j])            a product: rows times vectors are sums in registers
    x[i] = (x[i] - …) / a[i, i]                  within the block, row by row

Terms are added in the order in which rows are solved, whatever the block. Right sides are shared out to threads, never
the terms of a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import i1
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.matrix_algorithms import BySubstitution
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.linear_algebra.matrix_code import MatrixCode
from pullback.passes.loops.linear_algebra.matrix_memory import Matrix, Panel
from pullback.passes.lowering.code_builder import Term


def lower_triangular_solve(code: MatrixCode, op: GraphOp) -> SSAValue:
    """Solves for all right sides; the host raises an exception for a zero on the diagonal."""
    assert isinstance(op, BySubstitution)
    if code.is_empty:
        return code.builder.number(False, i1).value
    *batch, size, columns = code.shape(2)

    def solve(indices: Sequence[SSAValue], panel: Panel) -> None:
        a, b, x = (code.matrix(number, indices) for number in range(3))
        substitute(code, Substitution(a.turned if op.is_adjoint else a, b, x, size, op.is_forward), panel)

    code.over_panels(batch, columns, prod(batch) * size * size * columns // 2, solve)
    return _has_zero(code, size)


def _has_zero(code: MatrixCode, size: int) -> SSAValue:
    """Tells whether there is a zero on the diagonal of any matrix."""
    builder = code.builder
    *batch, _, _ = code.shape(0)

    def diagonal(index: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
        whole = Matrix(code.matrix(0, []).view, [(index, size * size)], size)

        def element(at: SSAValue, found: Sequence[SSAValue]) -> Sequence[SSAValue]:
            is_zero = code.element(whole, [(at, 1)], [(at, 1)]).equal(0)
            return [(Scalar(found[0]) | is_zero).value]

        return builder.loop((0, size, 1), "i", carried, element)

    return builder.loop((0, prod(batch), 1), "matrix", [builder.number(False, i1).value], diagonal)[0]


@dataclass(frozen=True)
class Substitution:
    """An equation a @ x = b of a triangle, whose rows are solved from the first or from the last on.

    The diagonal of a `unit` triangle is not read: it is that of the identity.
    """

    a: Matrix
    b: Matrix
    x: Matrix
    size: int
    forward: bool
    unit: bool = False


def substitute(code: MatrixCode, equation: Substitution, panel: Panel) -> None:
    """Solves for the right sides of a panel."""
    builder, size = code.builder, equation.size
    height = min(code.rows, size)

    def block(at: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
        """The last block has rows that were solved before, and finds the same for them again."""
        first = builder.at_most(at, size - height, "first")
        if not equation.forward:
            first = builder.minus(builder.index(size - height), first, "first")
        _solve_rows(code, equation, panel, first, height)
        return carried

    builder.loop((0, size, height), "block", [], block)


def _solve_rows(code: MatrixCode, equation: Substitution, panel: Panel, first: SSAValue, count: int) -> None:
    builder, size = code.builder, equation.size
    rows: list[list[Term]] = [[(first, 1), (builder.index(at), 1)] for at in range(count)]
    sums = [code.row(equation.b, row, panel) for row in rows]
    last = None if equation.forward else builder.minus(builder.index(size - count), first, "solved")
    solved = (first, None) if last is None else (last, size - 1)
    sums = minus_products(code, equation.a, equation.x, panel, rows, sums, solved)
    order = range(count) if equation.forward else range(count)[::-1]
    for at in order:
        if not equation.unit:
            sums[at] = code.quotient(sums[at], code.element(equation.a, rows[at], rows[at]))
        code.store_row(equation.x, rows[at], panel, sums[at])
        negated = [-vector for vector in sums[at]]
        for other in range(at + 1, count) if equation.forward else range(at):
            factor = code.element(equation.a, rows[other], rows[at])
            sums[other] = code.plus_product(sums[other], factor, negated)


def minus_products(
    code: MatrixCode,
    a: Matrix,
    x: Matrix,
    panel: Panel,
    rows: Sequence[Sequence[Term]],
    sums: Sequence[Sequence[Scalar]],
    terms: tuple[SSAValue, int | None],
) -> list[list[Scalar]]:
    """Subtracts the products of these rows of `a` and of `x` in a panel, of so many terms.

    They are the first ones in order, or, if the number of one is given, those from that one on backwards.
    """
    builder, width = code.builder, len(panel.lanes)
    count, last = terms

    def term(at: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
        j = at if last is None else builder.minus(builder.index(last), at, "j")
        negated = [-vector for vector in code.row(x, [(j, 1)], panel)]
        totals = [list(map(Scalar, carried[r * width : (r + 1) * width])) for r in range(len(rows))]
        return [
            vector.value
            for row, total in zip(rows, totals, strict=True)
            for vector in code.plus_product(total, code.element(a, row, [(j, 1)]), negated)
        ]

    bounds = builder.index(0), count, builder.index(1)
    found = builder.loop_between(bounds, "j", [v.value for row in sums for v in row], term)
    return [list(map(Scalar, found[r * width : (r + 1) * width])) for r in range(len(rows))]
