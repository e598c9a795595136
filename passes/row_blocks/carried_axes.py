"""Rows and columns of a matrix, as operations hand them on: which axes of a value they are.

    %s = graph.matmul %q, %k {transpose_b}     (4, 1024, 1024): rows are axis 1, columns axis 2
    %m = graph.max %s {axes = [2], keepdims}   (4, 1024, 1): rows are axis 1, columns are reduced
    %o = graph.matmul %s, %v                   (4, 1024, 64): rows are axis 1
    %d = graph.matmul %s, %g {transpose_a}     (4, 1024, 64): a total over rows; columns are axis 1

All of it follows from access maps, so transposed matrices and products of any operand need no case of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Operation

from pullback.dialects.graph.along_axes.reductions import Reduction, Sum
from pullback.dialects.graph.creation.random import Random
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.op.access import AffineAccess, StoredAccess
from pullback.dialects.graph.op.indexed import Indexed, Pointwise, access_of
from pullback.dialects.graph.tensor.types import is_static, shape_of_type

CARRIERS = (Pointwise, Reduction, MatMul, Transpose, ExpandDims, BroadcastTo, Reshape, Random)
"""The operations that can be computed for some rows alone: their properties name no extent, or they draw some rows."""
TOTALS = (Sum, MatMul)
"""Those that may add up over all rows."""


class RowsAndColumns(NamedTuple):
    """Where rows and columns are: the axes of a value, or the dims of an operation's iteration space."""

    rows: int | None
    columns: int | None

    @property
    def is_matrix(self) -> bool:
        """Whether there are both: each row has all columns."""
        return self.rows is not None and self.columns is not None


def carries(op: object) -> bool:
    """Tells whether an operation computes rows from rows: one result, of static shape as all operands are."""
    return (
        isinstance(op, CARRIERS)
        and not (isinstance(op, Random) and op.is_part)
        and len(op.results) == 1
        and all(isinstance(v.type, TensorType) and is_static(v.type) for v in (*op.operands, *op.results))
    )


def dims_of_operand(op: Operation, number: int) -> Sequence[int | None]:
    """The dim of the iteration space that each axis of an operand runs along; None where it has one element."""
    assert isinstance(op, Indexed)
    shape = op.shape_of(number)
    if isinstance(op, Reshape):
        return _kept_axes(shape, shape_of_type(op.result_types[0]))
    access = access_of(op, number)
    element = access.element if isinstance(access, StoredAccess) else access
    if not isinstance(element, AffineAccess):
        return [None] * len(shape)
    return [None if n == 1 else c.single_dim for n, c in zip(shape, element.position, strict=True)]


def dims_of_result(op: Operation) -> Sequence[int | None]:
    """The dim that each axis of the result runs along; None for those that are reduced."""
    assert isinstance(op, Indexed)
    shape = shape_of_type(op.result_types[0])
    position = op.result_access().position
    return [None if n == 1 else c.single_dim for n, c in zip(shape, position, strict=True)]


def _kept_axes(source: Sequence[int], result: Sequence[int]) -> list[int | None]:
    """The axis of a reshape's result that each axis of its operand is."""
    ends = {(n, prod(result[axis + 1 :])): axis for axis, n in enumerate(result) if n != 1}
    return [None if n == 1 else ends.get((n, prod(source[axis + 1 :]))) for axis, n in enumerate(source)]


def along(dims: Sequence[int | None], place: RowsAndColumns) -> RowsAndColumns:
    """The axes that run along two dims."""
    return RowsAndColumns(*(None if d is None or d not in dims else list(dims).index(d) for d in place))


def dims_at(dims: Sequence[int | None], place: RowsAndColumns) -> RowsAndColumns:
    """The dims that two axes run along."""
    return RowsAndColumns(*(None if axis is None else dims[axis] for axis in place))
