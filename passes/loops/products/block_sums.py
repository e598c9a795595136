"""The block of the result that is summed up in registers: its rows' elements of A times its columns' vectors of B."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.bounds import LONGEST_VECTOR
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.outer_product import OuterProductOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.product_axes import Bounds
from pullback.passes.loops.products.product_operand import OperandLines
from pullback.passes.loops.products.product_plan import ProductPlan
from pullback.passes.lowering.code_builder import CodeBuilder, result_of, splat

CHUNK = 64
"""Terms between two turns of fetching: some 800 cycles, in which a dozen cache lines come from far away."""


def block_sums(
    builder: CodeBuilder,
    plan: ProductPlan,
    element_type: Attribute,
    lines: tuple[OperandLines, OperandLines],
    terms: Bounds,
    widths: Sequence[int],
    before: Callable[[SSAValue], None] | None = None,
    each: Callable[[SSAValue], None] | None = None,
) -> Sequence[Scalar]:
    """The sums over some terms, for lines of A and of B: a matrix of a width, or row by row vectors of several.

    The vectors of a row are summed up one after the other, so that an element of A is in a register but once.

    `before` is called, if at all, before each `CHUNK` of terms, with the first of them. `each`, if it is there, is
    called at each term.
    """
    a, b = lines

    def step(term: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        result = add_matrix(term, *sums) if is_matrix else add_vectors(term, sums)
        if each is not None:
            each(term)
        return result

    def add_matrix(term: SSAValue, total: SSAValue) -> list[SSAValue]:
        (columns,) = b.vectors(term)
        operands = [a.column(term).value, columns.value, total]
        return [result_of(new_operation(OuterProductOp, operands, [total.type]), "sums")]

    def add_vectors(term: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        of_columns = list(b.vectors(term))
        left = iter(sums)
        result: list[SSAValue] = []
        for element in a.elements(term):
            for width, along in zip(widths, of_columns, strict=True):
                result.append(multiply_add(splat(element, width), along, next(left)))
        return result

    def several(first: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        for number in range(plan.terms_at_once):
            sums = step(builder.sum_of([(first, 1)], number, "k"), sums)
        return list(sums)

    def along(first: SSAValue, end: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return builder.loop_between((first, end, builder.index(plan.terms_at_once)), "k", sums, several)

    rows = plan.rows.width
    is_matrix = len(widths) == 1 and rows * widths[0] <= LONGEST_VECTOR
    if is_matrix:
        zeros = [builder.number(0, vector_type(element_type, rows, *widths)).value]
    else:
        zeros = [builder.number(0, vector_type(element_type, width)).value for width in widths] * rows
    first, end = terms
    if before is None:
        return [Scalar(s) for s in along(first, end, zeros)]
    fetch = before

    def chunk(start: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        fetch(start)
        last = builder.least(builder.sum_of([(start, 1)], CHUNK, "end"), end)
        return list(along(start, last, sums))

    return [Scalar(s) for s in builder.loop_between((first, end, builder.index(CHUNK)), "k", zeros, chunk)]
