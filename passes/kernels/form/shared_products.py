"""Sums over the rows of a product, which share the product that the gradient of the weights needs.

Where rows are scaled before a product, and nothing needs the gradient of what is scaled, as in a layer norm of inputs:

    %l = %x * %s + %o                                     : 512x256, by rows of 256
    %y = graph.matmul %l, %w                              : 512x768
    %p = graph.matmul %g, %w {transpose_b}                %n = graph.matmul %x, %g {transpose_a}     : 256x768
    %m = graph.matmul %l, %g {transpose_a}                %c = graph.sum %g over rows                : 768
    %a = graph.sum %p * %x over rows               ->     %m = %n * %s + %o * %c
    %b = graph.sum %p over rows                           %a = graph.sum %n * %w over columns
                                                          %b = graph.sum %w * %c over columns

%a is the sum of g[r, j] * w[i, j] * x[r, i] over r and j either way. Of two large products one is left. Sums that are
finite stay so, unless it is a scale of next to nothing that makes them finite.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TypeGuard

from xdsl.dialects import func
from xdsl.dialects.builtin import f32, f64
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.basic import Add, Multiply
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.rewriting.replacement import drop
from pullback.passes.rewriting.same_device import place_like
from pullback.passes.simplify.matching import producer

LEAST_ROWS = 8
"""A product of fewer rows takes no longer than the sums that take its place."""


def share_products(function: func.FuncOp) -> None:
    """Replaces those products of a function of which nothing but sums over the rows is needed."""
    for product in [op for op in operations_within(function) if type(op) is MatMul]:
        sums = None if product.parent is None else _sums_of(product)
        if sums is not None:
            _replace(product, sums)


@dataclass(frozen=True)
class Scaled:
    """Rows l = x * scale + offset, by columns, in a product over all rows: l^T g, or g^T l."""

    product: MatMul
    at: int
    """Which operand of the product l is."""
    x: Tensor
    scale: Tensor | None
    offset: Tensor | None

    @property
    def g(self) -> Tensor:
        return Tensor(self.product.operands[1 - self.at])

    def of_x(self, totals: Tensor) -> Tensor:
        """Makes the product of x in place of l, and of that the one of l, by the totals of the columns of g."""
        before = Tensor(self.product.results[0])
        if self.scale is None and self.offset is None:
            return before
        x = Reshape.like(self.x, Tensor(self.product.operands[self.at]))
        shared = made = MatMul.of(*((x, self.g) if self.at == 0 else (self.g, x)), **self.product.properties)
        if self.scale is not None:
            made = made * along(self.scale, self.at)
        if self.offset is not None:
            made = made + along(self.offset, self.at) * along(totals, 1 - self.at)
        before.value.replace_all_uses_with(made.value)
        return shared


def along(line: Tensor, axis: int) -> Tensor:
    """The elements of a line along an axis of a matrix."""
    extent = line.extents[-1]
    return Reshape.to(line, [extent, 1] if axis == 0 else [1, extent])


@dataclass(frozen=True)
class RowSums:
    """What is made of a product g w: sums over all rows of its elements, and of these times those of x."""

    plain: Sequence[Sum]
    multiples: Sequence[Multiply] = ()
    """The products of elements with those of x."""
    scaled: Scaled | None = None
    """The product of x that is shared, if there are multiples."""

    @property
    def weighted(self) -> Sequence[Sum]:
        """The sums of multiples."""
        return [
            use.operation for op in self.multiples for use in op.results[0].uses if _sums_rows(use.operation)
        ]


def _sums_of(product: MatMul) -> RowSums | None:
    """The sums over the rows of a product; `None` where something else is made of it, or no product is saved."""
    g, w, result = (Tensor(v) for v in (*product.operands, *product.results))
    if product.transposes[0] or w.ndim != 2 or result.element_type not in (f32, f64):
        return None
    if not is_static(g.type) or not is_static(w.type) or prod(result.extents[:-1]) < LEAST_ROWS:
        return None
    users = [use.operation for use in result.value.uses]
    plain = [op for op in users if _sums_rows(op)]
    multiples = list(dict.fromkeys(op for op in users if type(op) is Multiply))
    factors = list(dict.fromkeys(v for op in multiples for v in op.operands if v is not result.value))
    made = [use.operation for op in multiples for use in op.results[0].uses]
    if len(plain) + len(multiples) != len(users) or len(factors) > 1 or not all(map(_sums_rows, made)):
        return None
    if not users or any(op.parent is not product.parent for op in (*plain, *multiples, *made)):
        return None
    if not factors:
        return RowSums(plain)
    for scaled in _products_of_scaled(g, Tensor(factors[0])):
        if all(scaled.product.is_before_in_block(op) for op in (*plain, *made)):
            return RowSums(plain, multiples, scaled)
    return None


def _sums_rows(op: Operation) -> TypeGuard[Sum]:
    """Tells whether an operation is a sum over all axes but the last."""
    return type(op) is Sum and [*op.reduced] == [*range(op.x.ndim - 1)]


def _products_of_scaled(g: Tensor, x: Tensor) -> Iterator[Scaled]:
    """The products over all rows of g and multiples of x, in the block of both."""
    for value in _same_elements(g):
        for use in value.uses:
            other, at = use.operation, 1 - use.index
            if type(other) is not MatMul or other.transposes != (True, False):
                continue
            if shape_of_type(value.type) != (prod(g.extents[:-1]), g.extents[-1]):
                continue
            factors = _factors(_without_reshapes(Tensor(other.operands[at])), x)
            if factors is not None:
                yield Scaled(other, at, x, *factors)


def _same_elements(x: Tensor) -> Iterator[SSAValue]:
    """The values that have the elements of a tensor, perhaps in another shape."""
    found = [_without_reshapes(x).value]
    for value in found:
        found += [use.operation.results[0] for use in value.uses if type(use.operation) is Reshape]
    yield from found


def _without_reshapes(x: Tensor) -> Tensor:
    while (reshape := producer(x, Reshape)) is not None:
        x = reshape.x
    return x


def _factors(scaled: Tensor, x: Tensor) -> tuple[Tensor | None, Tensor | None] | None:
    """The scale and the offset by which rows are made of x, if they are; `None` instead of 1 and of 0."""
    if scaled.type != x.type:
        return None
    offset = scale = None
    if (added := producer(scaled, Add)) is not None and (pair := _with_line(added)) is not None:
        scaled, offset = pair
    if (multiplied := producer(scaled, Multiply)) is not None and (
        pair := _with_line(multiplied)
    ) is not None:
        scaled, scale = pair
    return (scale, offset) if scaled.value is x.value else None


def _with_line(op: Add | Multiply) -> tuple[Tensor, Tensor] | None:
    """The operands, if one of them has an element for each column, the same in all rows of the other."""
    for at in (0, 1):
        rows, line = Tensor(op.operands[at]), Tensor(op.operands[1 - at])
        if (
            rows.type == op.results[0].type
            and line.ndim
            and prod(line.extents) == line.extents[-1] == rows.extents[-1]
        ):
            return rows, line
    return None


def _replace(product: MatMul, sums: RowSums) -> None:
    """Makes the sums of the product that the gradient of the weights needs, and none of the product itself."""
    g, w = map(Tensor, product.operands)
    axis = 1 if product.transposes[1] else 0  # of w, for the columns of g
    scaled, shared = sums.scaled, None
    with _inserting_before(product if scaled is None else scaled.product):
        g = g if scaled is None else scaled.g
        totals = Sum.over(g, range(g.ndim - 1))
        if scaled is not None:
            shared = scaled.of_x(totals)
            shared = shared if axis == 1 - scaled.at else Transpose.matrices(shared)
    for op in (*sums.plain, *sums.weighted):
        with _inserting_before(op):
            factor = along(totals, axis) if op in sums.plain or shared is None else shared
            made = Reshape.like(Sum.over(w * factor, axis), Tensor(op.results[0]))
        op.results[0].replace_all_uses_with(made.value)
        drop(op)
    for op in (*sums.multiples, product):
        drop(op)
    if scaled is not None and scaled.product.results[0].first_use is None:
        drop(scaled.product)
    if totals.value.first_use is None:
        drop(totals.op)


@contextmanager
def _inserting_before(op: Operation) -> Generator[None]:
    """Inserts what is made before an operation, in whose place it is."""
    block = op.parent
    assert block is not None

    def insert(new: Operation) -> None:
        new.location = op.location
        place_like(new, op)
        block.insert_op_before(new, op)

    with inserting(insert):
        yield
