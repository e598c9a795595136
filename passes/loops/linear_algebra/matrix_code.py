"""Code on matrices in memory: places of elements, panels of columns in vectors, loops over a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects import vector as vector_dialect
from xdsl.dialects.builtin import MemRefType, VectorType, i1
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.types import numpy_dtype
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, mask_before, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import INDEX, Term, result_of, splat
from pullback.passes.lowering.function_builder import ON_STACK, FunctionBuilder
from pullback.passes.lowering.strided_layout import StridedLayout, memref_of
from pullback.passes.lowering.vector_registers import lane_count, register_count

WORK_OF_THREADS = 1 << 20
"""Multiplications from which on a batch and panels of columns are shared out."""
VECTORS = 2
"""Vectors in a row of a block: rows times vectors are sums in registers."""


@dataclass(frozen=True)
class Matrix:
    """A matrix of a batch in memory, row by row: its first element, and the distances of rows and of columns."""

    view: BufferView
    first: Sequence[Term]
    row_step: int
    column_step: int = 1

    @property
    def turned(self) -> Matrix:
        """The transpose, in the same memory."""
        return Matrix(self.view, self.first, self.column_step, self.row_step)

    def at(self, row: Sequence[Term], column: Sequence[Term]) -> list[Term]:
        """The place of an element."""
        rows = [(value, factor * self.row_step) for value, factor in row]
        return [*self.first, *rows, *((value, factor * self.column_step) for value, factor in column)]


@dataclass(frozen=True)
class Panel:
    """Columns that are computed at once, a few vectors beside each other from `start` on; the last may have a mask."""

    start: Sequence[Term]
    lanes: Sequence[Lanes]

    @property
    def columns(self) -> int:
        """The distance of two panels."""
        return sum(lanes.count for lanes in self.lanes)


Values: TypeAlias = Sequence[SSAValue]
"""What a loop carries."""


class MatrixCode:
    """Builds the function of an operation on matrices, whose arguments are memory of its operands and results.

    Args:
        builder: of the function.
        vector_bits: the width of a vector register.
        arguments: how many of the function's arguments are operands and results; scratch memory is behind them.
        share: makes a function that several operations call, unless there is one of that name.
    """

    def __init__(
        self, builder: FunctionBuilder, vector_bits: int, arguments: int, share: Callable[..., None]
    ) -> None:
        self.builder, self._arguments, self._share = builder, arguments, share
        self.types = [a.type for a in builder.block.args if isinstance(a.type, MemRefType)]
        self.element_type: Attribute = self.types[0].element_type
        self.most_lanes = lane_count(vector_bits, [self.element_type])
        self.rows = register_count(vector_bits) // (2 * VECTORS)
        """The rows of a block."""
        self._stack: dict[str, BufferView] = {}
        self.is_empty = any(0 in type_.get_shape() for type_ in self.types)
        self._views = [self._flat(a) for a in builder.block.args]

    def _flat(self, argument: SSAValue) -> BufferView:
        type_ = argument.type
        assert isinstance(type_, MemRefType)
        size = prod(type_.get_shape())
        if not size:
            return BufferView(argument, StridedLayout((), ()), INDEX)
        flat = memref_of(type_.element_type, size)
        if type_ != flat:
            argument = result_of(memref.ReinterpretCastOp(argument, [], [], [], [0], [size], [1], flat))
        return BufferView(argument, StridedLayout((size,), (1,)), type_.element_type)

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype of elements."""
        return np.dtype(numpy_dtype(self.element_type))

    @property
    def largest(self) -> float:
        """The largest number."""
        return float(np.finfo(self.numpy_dtype).max)

    @property
    def smallest(self) -> float:
        """The smallest positive number of full precision."""
        return float(np.finfo(self.numpy_dtype).tiny)

    def function(self, name: str, memory: Values, body: Callable[[MatrixCode], SSAValue]) -> str:
        """The name of a function that returns a truth value, and has this memory for its scratch memory."""
        self._share(name, [value.type for value in memory], body)
        return name

    def scratch(self, number: int, columns: int) -> Matrix:
        """Scratch memory as a matrix."""
        return Matrix(self._views[self._arguments + number], [], columns)

    def numbers(self, number: int) -> BufferView:
        """Scratch memory as a list."""
        return self._views[self._arguments + number]

    def on_stack(self, name: str, count: int, type_: Attribute | None = None) -> BufferView:
        """So many elements on the stack, which all that ask for them by this name share."""
        if name not in self._stack:
            type_ = self.element_type if type_ is None else type_
            memory = memref_of(type_, count)
            value = self.builder.once(
                (name, memory), lambda: new_operation(memref.AllocaOp, (), [memory], ON_STACK), name
            )
            self._stack[name] = BufferView(value, StridedLayout((count,), (1,)), type_)
        return self._stack[name]

    def shape(self, argument: int) -> tuple[int, ...]:
        """The shape of an operand or a result."""
        return self.types[argument].get_shape()

    def matrix(self, argument: int, indices: Sequence[SSAValue]) -> Matrix:
        """The matrix of an operand or a result at these indices of the batch, to which it is broadcast."""
        *batch, rows, columns = self.shape(argument)
        terms: list[Term] = []
        step = rows * columns
        for index, extent in zip(reversed(indices), reversed(batch), strict=False):
            if extent > 1:
                terms.append((index, step))
            step *= extent
        return Matrix(self._views[argument], terms, columns)

    def store_number(self, argument: int, indices: Sequence[SSAValue], value: Scalar) -> None:
        """Stores the number that a matrix of the batch has in a result."""
        shape = self.shape(argument)
        steps = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
        self._views[argument].store(self.builder, value, list(zip(indices, steps, strict=True)), 0)

    # ---- loops ------------------------------------------------------------------------------------------

    def over(self, extents: Sequence[tuple[int, int, int]], work: int, body: Callable[..., None]) -> None:
        """Loops over several dims, shared out to threads if it is work enough."""
        if work >= WORK_OF_THREADS:
            self.builder.parallel(extents, [f"m{at}" for at in range(len(extents))], body)
            return

        def nest(indices: Sequence[SSAValue]) -> None:
            if len(indices) == len(extents):
                body(*indices)
                return

            def inner(index: SSAValue, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
                nest([*indices, index])
                return carried

            self.builder.loop(extents[len(indices)], f"m{len(indices)}", [], inner)

        nest([])

    def over_panels(
        self, batch: Sequence[int], columns: int, work: int, body: Callable[[Sequence[SSAValue], Panel], None]
    ) -> None:
        """Loops over a batch and over panels of all columns."""
        wide = self.most_lanes * VECTORS
        dims = [(0, extent, 1) for extent in batch]
        if many := columns // wide * wide:
            lanes = [Lanes(0, self.most_lanes)] * VECTORS

            def panel(*indices: SSAValue) -> None:
                body(indices[:-1], Panel([(indices[-1], 1)], lanes))

            self.over([*dims, (0, many, wide)], work, panel)
        if many < columns:
            start: list[Term] = [(self.builder.index(many), 1)]
            last = Panel(start, self.lanes_of(columns - many))
            self.over(dims, work, lambda *indices: body(indices, last))

    def panel_width(self, columns: int) -> int:
        """The columns of a panel, of matrices that have so many."""
        wide = self.most_lanes * VECTORS
        return wide if columns >= wide else columns

    def over_panels_from(self, column: SSAValue, columns: int, body: Callable[[Panel], None]) -> None:
        """Loops over panels from the one that has a column, up to so many columns.

        Vectors are where they are for all columns: they do not cross lines of the cache, nor parts of what was stored.
        """
        width = self.panel_width(columns)
        start = self.builder.product(self.builder.quotient(column, width), width, "start")
        wide = self.most_lanes * VECTORS
        many = columns // wide * wide
        if many:
            lanes = [Lanes(0, self.most_lanes)] * VECTORS

            def panel(at: SSAValue, carried: Values) -> Values:
                body(Panel([(at, 1)], lanes))
                return carried

            bounds = start, self.builder.index(many), self.builder.index(wide)
            self.builder.loop_between(bounds, "panel", [], panel)
        if many < columns:
            body(Panel([(self.builder.index(many), 1)], self.lanes_of(columns - many)))

    def from_column(self, row: Sequence[Scalar], panel: Panel, column: SSAValue) -> list[Scalar]:
        """The vectors of a row in a panel, with zeros before a column."""
        found: list[Scalar] = []
        for vector, (before, lanes) in zip(row, self._starts(panel), strict=True):
            first = self.builder.sum_of(panel.start, before)
            count = self.builder.minus(column, first)
            type_ = vector_type(i1, lanes.count)
            mask = result_of(new_operation(vector_dialect.CreateMaskOp, [count], [type_]), "before")
            found.append(select(Scalar(mask), self.builder.number(0.0, vector.type), vector))
        return found

    def any_of(self, batch: Sequence[int], body: Callable[[Sequence[SSAValue]], SSAValue]) -> SSAValue:
        """Loops over a batch, and tells whether any of the results is true."""

        def nest(indices: Sequence[SSAValue], found: SSAValue) -> SSAValue:
            if len(indices) == len(batch):
                return (Scalar(found) | Scalar(body(indices))).value

            def inner(index: SSAValue, carried: Values) -> Values:
                return [nest([*indices, index], carried[0])]

            at = len(indices)
            return self.builder.loop((0, batch[at], 1), f"m{at}", [found], inner)[0]

        return nest([], self.builder.number(False, i1).value)

    def along(
        self,
        start: SSAValue,
        end: int,
        lanes: Sequence[Lanes],
        inits: Values,
        body: Callable[[Panel, Values], Values],
    ) -> Values:
        """Loops over panels of such vectors from an index on; the last has masks, and may have no columns at all."""
        builder = self.builder
        width = sum(n.count for n in lanes)
        left = builder.minus(builder.index(end), start)
        whole = builder.product(builder.quotient(left, width), width, "whole")
        last = builder.sum_of([(start, 1), (whole, 1)], 0)

        def panel(at: SSAValue, carried: Values) -> Values:
            return body(Panel([(at, 1)], lanes), carried)

        carried = builder.loop_between((start, last, builder.index(width)), "panel", inits, panel)
        masked = [
            Lanes(0, n.count, mask_before(builder, end, builder.sum_of([(last, 1)], before), n.count))
            for before, n in self._starts(Panel([], lanes))
        ]
        return body(Panel([(last, 1)], masked), carried)

    def wide_of(self, columns: int) -> list[Lanes]:
        """The vectors of panels of rows of so many elements."""
        lanes = self.lanes_of(min(columns, self.most_lanes))[0].count
        return [Lanes(0, lanes)] * (1 if columns <= lanes else VECTORS)

    def copy(self, source: Matrix, target: Matrix, rows: int, columns: int) -> None:
        """Copies a matrix."""

        def row(at: SSAValue, carried: Values) -> Values:
            where: list[Term] = [(at, 1)]
            self.over_panels(
                [],
                columns,
                0,
                lambda _, panel: self.store_row(target, where, panel, self.row(source, where, panel)),
            )
            return carried

        self.builder.loop((0, rows, 1), "row", [], row)

    def set_identity(self, matrix: Matrix, rows: int, columns: int) -> None:
        """Stores ones on the diagonal of a matrix of at least as many rows as columns, and zeros elsewhere."""
        one = self.builder.number(1.0, self.element_type)

        def row(at: SSAValue, carried: Values) -> Values:
            where: list[Term] = [(at, 1)]
            self.over_panels(
                [], columns, 0, lambda _, panel: self.store_row(matrix, where, panel, self.zeros(panel))
            )
            return carried

        def diagonal(at: SSAValue, carried: Values) -> Values:
            matrix.view.store(self.builder, one, matrix.at([(at, 1)], [(at, 1)]), 0)
            return carried

        self.builder.loop((0, rows, 1), "row", [], row)
        self.builder.loop((0, columns, 1), "row", [], diagonal)

    def zeros(self, panel: Panel) -> list[Scalar]:
        """Zeros for a row of a panel."""
        return [self.builder.number(0.0, vector_type(self.element_type, n.count)) for n in panel.lanes]

    def lanes_of(self, columns: int) -> list[Lanes]:
        """Vectors of at least so many columns, of which the last has a mask, or is as short as they are."""
        count, rest = divmod(columns, self.most_lanes)
        found = [Lanes(0, self.most_lanes)] * count
        if rest:
            lanes = max(2, 1 << (rest - 1).bit_length())
            mask = None if lanes == rest else tail_mask(self.builder, rest, lanes)
            found.append(Lanes(0, lanes, mask))
        return found

    # ---- elements and rows of panels --------------------------------------------------------------------

    def element(self, matrix: Matrix, row: Sequence[Term], column: Sequence[Term]) -> Scalar:
        """One element."""
        return matrix.view.load(self.builder, matrix.at(row, column), 0)

    def row(self, matrix: Matrix, row: Sequence[Term], panel: Panel) -> list[Scalar]:
        """The elements of a row in a panel."""
        at = matrix.at(row, panel.start)
        return [
            load_vector(matrix.view, self.builder, lanes, at, start, 1)
            for start, lanes in self._starts(panel)
        ]

    def store_row(self, matrix: Matrix, row: Sequence[Term], panel: Panel, values: Sequence[Scalar]) -> None:
        """Stores the elements of a row in a panel."""
        at = matrix.at(row, panel.start)
        for value, (start, lanes) in zip(values, self._starts(panel), strict=True):
            store_vector(matrix.view, self.builder, lanes, value, (at, start, 1))

    @staticmethod
    def _starts(panel: Panel) -> list[tuple[int, Lanes]]:
        return [(sum(n.count for n in panel.lanes[:at]), lanes) for at, lanes in enumerate(panel.lanes)]

    def plus_product(self, sums: Sequence[Scalar], factor: Scalar, row: Sequence[Scalar]) -> list[Scalar]:
        """Adds the product of an element and a row to the vectors of another row."""
        return [
            Scalar(multiply_add(splat(factor, _count(vector)), vector, total.value))
            for total, vector in zip(sums, row, strict=True)
        ]

    def quotient(self, row: Sequence[Scalar], divisor: Scalar) -> list[Scalar]:
        """Divides the vectors of a row by an element."""
        return [vector / splat(divisor, _count(vector)) for vector in row]


def splatted(element: Scalar, like: Scalar) -> Scalar:
    """An element in all lanes of a vector like another one."""
    return splat(element, _count(like))


def _count(vector: Scalar) -> int:
    """The lanes of a vector."""
    type_ = vector.type
    assert isinstance(type_, VectorType)
    return type_.get_shape()[0]
