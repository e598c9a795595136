"""Matrices in memory: places of elements, and panels of columns in vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType, VectorType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.types import numpy_dtype
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.multiply_add import multiply_add
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import INDEX, Term, result_of, splat
from pullback.passes.lowering.function_builder import ON_STACK, FunctionBuilder
from pullback.passes.lowering.strided_layout import StridedLayout, memref_of
from pullback.passes.lowering.vector_registers import lane_count, register_count

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


class MatrixMemory:
    """The memory of a function on matrices: operands, results, scratch memory and the stack, of which panels are read.

    Args:
        builder: of the function.
        vector_bits: the width of a vector register.
        arguments: how many of the function's arguments are operands and results; scratch memory is behind them.
    """

    def __init__(self, builder: FunctionBuilder, vector_bits: int, arguments: int) -> None:
        self.builder, self._arguments = builder, arguments
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
