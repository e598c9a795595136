"""The block of the result that is summed up in registers: its rows' elements of A times its columns' vectors of B."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.product_axes import Bounds
from pullback.passes.loops.products.product_operand import OperandLines
from pullback.passes.loops.products.product_plan import ProductPlan
from pullback.passes.lowering.code_builder import CodeBuilder, splat

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
    """The sums over some terms, row by row in vectors of these `widths`, for lines of A and of B.

    `before` is called, if at all, before each `CHUNK` of terms, with the first of them. `each`, if it is there, is
    called at each term.
    """
    a, b = lines

    def step(term: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        of_columns = list(b.vectors(term))
        left = iter(sums)
        result: list[SSAValue] = []
        for element in a.elements(term):
            for width, along in zip(widths, of_columns, strict=True):
                result.append(multiply_add(splat(element, width), along, next(left)))
        if each is not None:
            each(term)
        return result

    def several(first: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        for number in range(plan.terms_at_once):
            sums = step(builder.sum_of([(first, 1)], number, "k"), sums)
        return list(sums)

    def along(first: SSAValue, end: SSAValue, sums: Sequence[SSAValue]) -> Sequence[SSAValue]:
        return builder.loop_between((first, end, builder.index(plan.terms_at_once)), "k", sums, several)

    of_row = [builder.number(0, vector_type(element_type, width)).value for width in widths]
    zeros = of_row * plan.rows.width
    first, end = terms
    if before is None:
        return [Scalar(s) for s in along(first, end, zeros)]
    fetch = before

    def chunk(start: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
        fetch(start)
        last = builder.least(builder.sum_of([(start, 1)], CHUNK, "end"), end)
        return list(along(start, last, sums))

    return [Scalar(s) for s in builder.loop_between((first, end, builder.index(CHUNK)), "k", zeros, chunk)]
