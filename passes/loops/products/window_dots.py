"""Products of windows with few columns, as an image gradient of three channels: the lanes of vectors are terms.

A vector of columns would be mostly empty, and each of its rows takes an element of the first factor. So the terms are
the lanes, and each sum of a block is a vector, whose lanes are added up at last:

    for each place (i, j) of the window, each 16 of its channels c:
      sums[r, o] += x[n, h + i, w + j + r, c : c + 16] * f[o, i, j, c : c + 16]      for each row r and column o
    y[n, h, w + r, o] = what the kernel makes of the sum of the lanes of sums[r, o]

The second factor is copied so that its terms are neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine, row_major_strides
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.products.operand_place import OperandPlace, StoredPlace, place_in
from pullback.passes.loops.products.term_blocks import Indices, Step, Sums
from pullback.passes.lowering.code_builder import CodeBuilder
from pullback.passes.lowering.nodes import Load, Node
from pullback.passes.lowering.strided_layout import StridedLayout

MOST_COLUMNS = 7
"""With more columns vectors of columns multiply as much in a cycle."""
FEWEST_VECTORS = 4
"""Vectors of terms from which it costs less to add up lanes, ten instructions for each sum."""
SUMS = 24
"""The most sums of a block: beside them there are a vector of each column, and one of a row."""


def lanes_of_terms(
    kernel: KernelFunction, first: Node, columns: int, terms: Sequence[int], elsewhere: int
) -> int:
    """The lanes of a vector of terms, or 0 where they are no lanes; `elsewhere` has those of a vector of columns."""
    extents, last = kernel.space.extents, terms[-1]
    count = kernel.lanes_along(last)
    if extents[columns] > MOST_COLUMNS or count <= elsewhere or extents[last] % count:
        return 0
    if not isinstance(first, Load) or not first.is_plain or first.offset.coefficients[last] != 1:
        return 0
    return count if prod(extents[d] for d in terms) >= FEWEST_VECTORS * count else 0


def terms_side_by_side(
    kernel: KernelFunction, second: Node, batch: Sequence[int], columns: int, terms: Sequence[int]
) -> StoredPlace:
    """Copies the second factor, at the current insertion point; gives the beginning of the copy."""
    builder, extents = kernel.builder, kernel.space.extents
    dims = [*batch, columns, *terms]
    shape = [extents[d] for d in dims]
    steps = dict(zip(dims, row_major_strides(shape), strict=True))
    view = kernel.add_scratch(StridedLayout((prod(shape),), (1,)), second.element_type)
    offset = Affine(tuple(steps.get(d, 0) for d in range(kernel.space.rank)))
    copy = StoredPlace.at(builder, view, offset)

    def along(left: Sequence[int], source: OperandPlace, target: StoredPlace) -> None:
        if not left:
            view.store(builder, source.element({}), target.terms, 0)
            return
        dim, *inner = left

        def at(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            along(inner, source.moved({dim: index}), target.moved({dim: index}))
            return []

        builder.loop((0, extents[dim], 1), "k", [], at)

    along(dims, place_in(kernel, second), copy)
    return copy


def step_of_vectors(
    builder: CodeBuilder,
    places: tuple[OperandPlace, OperandPlace],
    block: tuple[tuple[int, int], tuple[int, int]],
    last: int,
    count: int,
) -> Step:
    """Adds the products of a vector of terms; `block` has the dims of rows and of columns, and how many there are.

    Along the last dim of terms vectors are counted.
    """
    (row, rows), (column, columns) = block

    def add(indices: Indices, sums: Sums) -> list[SSAValue]:
        here = {**indices, last: builder.product(indices[last], count)}
        a, b = (place.moved(here) for place in places)
        factors = [b.vector({column: c}, last, count, count) for c in range(columns)]
        made: list[SSAValue] = []
        for r in range(rows):
            along: Scalar = a.vector({row: r}, last, count, count)
            for factor in factors:
                made.append(multiply_add(along, factor, sums[len(made)]))
        return made

    return add
