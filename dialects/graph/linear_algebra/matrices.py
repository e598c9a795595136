"""Diagonals and bands of matrices (…, m, n)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import (
    AnyAttr,
    base,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.sequences import Iota
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import Equal, LogicalAnd
from pullback.dialects.graph.movement.padding import Pad
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.op.checks import check_same_dtype, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    Shape,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)


def check_matrices(op: str, type_: Attribute) -> Shape:
    """Checks that a type is a tensor of matrices, and returns its extents."""
    shape = shape_of_type(type_)
    check_tensor(op, type_, "the operand")
    if len(shape) < 2:
        raise GraphError(f"{op}: rank_c6: matrices must have at least rank 2, got {type_}")
    return shape


def _row_and_column(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Emits the numbers of rows, (m, 1), and those of columns, (n)."""
    row, column = (Iota.along(0, tensor_type(i64, (n,))) for n in (rows, columns))
    return ExpandDims.at(row, [1]), column


# ---- bands ------------------------------------------------------------------------------------------------------


@graph_op
class MatrixBandPart(Composite):
    """Band matrices: zeros where `row - column > lower` or `column - row > upper`, as far as these are given."""

    name = "graph.matrix_band_part"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.matrix_band_part %g {lower = 0 : i64} : BATCH",
        "%r = graph.matrix_band_part %q {lower = 1 : i64, upper = 1 : i64} : SQUARE",
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    lower = opt_prop_def(base(IntegerAttr))
    upper = opt_prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        check_matrices(cls.name, operands[0])
        return [operands[0]]

    @classmethod
    def within(cls, x: Tensor, lower: int | None = None, upper: int | None = None) -> Tensor:
        """Emits the band of `x`: zeros more than `lower` below or `upper` above the diagonal."""
        limits = {"lower": lower, "upper": upper}
        return cls.of(x, **{name: IntegerAttr(n, i64) for name, n in limits.items() if n is not None})

    def limits(self, rows: int, columns: int) -> tuple[int, int]:
        """How far the band reaches below and above the diagonal, and at most somewhat beyond such matrices."""
        given = (
            n.value.data if isinstance(n, IntegerAttr) else rows + columns for n in (self.lower, self.upper)
        )
        lower, upper = (max(min(n, rows + columns), -rows - columns) for n in given)
        return lower, upper

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        rows, columns = x.shape[-2:]
        lower, upper = self.limits(rows, columns)
        above = np.arange(columns) - np.arange(rows)[:, None]
        return np.where((-above <= lower) & (above <= upper), x, x.dtype.type(0))

    def expand(self) -> Tensor:
        x = Tensor(self._operands[0])
        lower, upper = self.limits(*x.extents[-2:])
        row, column = _row_and_column(*x.extents[-2:])
        kept = LogicalAnd.of(row - lower <= column, column <= row + upper)
        return Where.of(kept, x, 0)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (MatrixBandPart.of(dy, **self.properties),)


# ---- diagonals --------------------------------------------------------------------------------------------------


class Diagonal(Composite):
    """An operation on the diagonal at which `column - row` is `offset`."""

    result = result_def(AnyAttr())
    offset = prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @staticmethod
    def offset_of(properties: Properties) -> int:
        offset = properties["offset"]
        assert isinstance(offset, IntegerAttr)
        return offset.value.data

    @classmethod
    def length(cls, matrices: Attribute, properties: Properties) -> int:
        """The length of the diagonal of matrices of this type."""
        *_, rows, columns = check_matrices(cls.name, matrices)
        if DYNAMIC_INDEX in (rows, columns):
            return DYNAMIC_INDEX
        offset = cls.offset_of(properties)
        return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


@graph_op
class MatrixDiagPart(Diagonal):
    """The diagonals of matrices: (…, m, n) -> (…, length)."""

    name = "graph.matrix_diag_part"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.matrix_diag_part %g {offset = 1 : i64} : (BATCH) -> tensor<5x2xf32>",)
    operand = operand_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        length = cls.length(type_, properties)
        return [tensor_type(element_type_of(type_), (*shape_of_type(type_)[:-2], length))]

    @classmethod
    def at(cls, x: Tensor, offset: int = 0) -> Tensor:
        """Emits the diagonals of `x`."""
        return cls.of(x, offset=IntegerAttr(offset, i64))

    def numpy(self, *operands: Array) -> Any:
        return np.diagonal(operands[0], self.offset_of(self.properties), -2, -1)

    def expand(self) -> Tensor:
        """Takes every n + 1-th element of matrices with n columns, row by row."""
        x, offset = Tensor(self._operands[0]), self.offset_of(self.properties)
        *batch, rows, columns = x.extents
        first, length = max(offset, -offset * columns), self.length(x.type, self.properties)
        elements = slice(first, first + length * (columns + 1), columns + 1) if length else slice(0)
        flat = Reshape.to(x, (*batch, rows * columns))
        return StridedSlice.at(flat, [*[slice(None)] * len(batch), elements])

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (MatrixDiag.like(dy, Tensor(self._operands[0]), self.properties),)


@graph_op
class MatrixDiag(Diagonal):
    """Matrices with this diagonal and zeros elsewhere: (…, length) -> (…, m, n), the shape of the result's type."""

    name = "graph.matrix_diag"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.matrix_diag %v {offset = 0 : i64} : (VECTOR) -> SQUARE",
        "%r = graph.matrix_diag %x {offset = -1 : i64} : (MATRIX) -> tensor<2x4x5xf32>",
    )
    SHAPE_OPERAND: ClassVar = 1
    operand = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())

    @classmethod
    def like(cls, x: Tensor, matrices: Tensor, properties: Properties) -> Tensor:
        """Emits matrices shaped as `matrices` with the diagonals `x`."""
        operands = [x.value, *dynamic_shape(matrices)]
        return cls.emit_as(operands, tensor_type(x.element_type, matrices.extents), properties)

    @classmethod
    def to(cls, x: Tensor, shape: Sequence[int], offset: int, runtime: Tensor | None = None) -> Tensor:
        """Emits matrices of this shape with the diagonals `x`; `runtime` gives the extents (i64) that are not known."""
        operands = [x.value] if runtime is None else [x.value, runtime.value]
        made = cls.emit_as(operands, tensor_type(x.element_type, shape), {"offset": IntegerAttr(offset, i64)})
        made.op.verify_()
        return made

    def verify_(self) -> None:
        operand, result = self.operand_types[0], self.result_types[0]
        check_shape_operand(self, self._operands[1:], result)
        check_same_dtype(self.name, operand, result)
        expected = (*check_matrices(self.name, result)[:-2], self.length(result, self.properties))
        if not compatible_shapes(shape_of_type(operand), expected):
            raise GraphError(
                f"{self.name}: diagonal_c1: the operand must be the diagonals of {result}, {format_shape(expected)}, "
                f"got {operand}"
            )

    def numpy(self, *operands: Array) -> Any:
        x = operands[0]
        matrices = np.zeros(self.runtime_shape(operands), x.dtype)
        offset, along = self.offset_of(self.properties), np.arange(x.shape[-1])
        matrices[..., along + max(-offset, 0), along + max(offset, 0)] = x
        return matrices

    def expand(self) -> Tensor:
        """Compares numbers of rows and of columns, of which each row has one that it shares with the diagonal."""
        x, offset = Tensor(self._operands[0]), self.offset_of(self.properties)
        *batch, rows, columns = shape_of_type(self.result_types[0])
        above = max(-offset, 0)
        pads = [*[(0, 0)] * len(batch), (above, rows - above - x.extents[-1])]
        of_rows = ExpandDims.at(Pad.around(x, pads, 0), [x.ndim])
        row, column = _row_and_column(rows, columns)
        return Where.of(Equal.of(row + offset, column), of_rows, 0)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (MatrixDiagPart.of(dy, **self.properties), *[None] * (len(self._operands) - 1))
