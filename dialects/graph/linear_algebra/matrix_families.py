"""Op families of matrices (…, m, n), and of square ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.linear_algebra.matrices import check_matrices
from pullback.dialects.graph.op.families import OfDtypes, check_dtype
from pullback.dialects.graph.op.graph_op import Properties
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, Shape, element_type_of, is_inexact


class OfMatrices(OfDtypes):
    """An operation on matrices of any extents."""

    DTYPES: ClassVar = is_inexact
    matrix = operand_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def a(self) -> Tensor:
        return Tensor(self._operands[0])

    @classmethod
    def check(cls, type_: Attribute) -> tuple[Attribute, Shape, int, int]:
        """Checks a type, and returns its dtype, batch, rows and columns."""
        check_dtype(cls, element_type_of(type_))
        *batch, rows, columns = check_matrices(cls.name, type_)
        return element_type_of(type_), tuple(batch), rows, columns


class OfSquares(OfMatrices):
    """An operation on square matrices."""

    @property
    def y(self) -> Tensor:
        return Tensor(self.results[0])

    @classmethod
    def check_square(cls, type_: Attribute) -> Shape:
        """Checks that a type is of square matrices of an accepted dtype, and returns its extents."""
        _, batch, rows, columns = cls.check(type_)
        if rows != columns and DYNAMIC_INDEX not in (rows, columns):
            raise GraphError(f"{cls.name}: square_c1: matrices must be square, got {type_}")
        return (*batch, rows, columns)


class SquareToSquare(OfSquares):
    """An operation on square matrices whose result has the type of the operand."""

    result = result_def(AnyAttr())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        cls.check_square(operands[0])
        return [operands[0]]
