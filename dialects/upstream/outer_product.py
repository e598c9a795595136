"""`vector.outerproduct`: the products of two vectors added to a matrix."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import VectorType
from xdsl.dialects.vector import CombiningKindAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.upstream.types import vector_type


@irdl_op_definition
class OuterProductOp(IRDLOperation):
    """`vector.outerproduct %a, %b, %c : V, W`: `c[i, j] + a[i] * b[j]`, of floats with one rounding.

    Of upstream's operation it has the kind `add`, with a matrix to add to. C1: all have one element type.
    C2: a and b have rank 1, and c has a row for each element of a, and a column for each of b.
    """

    name = "vector.outerproduct"
    M: ClassVar = VarConstraint("M", VectorType.constr(AnyAttr()))
    lhs = operand_def(VectorType)
    rhs = operand_def(VectorType)
    acc = operand_def(M)
    result = result_def(M)
    traits = traits_def(Pure())

    def __init__(self, lhs: SSAValue | Operation, rhs: SSAValue | Operation, acc: SSAValue | Operation):
        acc = SSAValue.get(acc)
        super().__init__(operands=[lhs, rhs, acc], result_types=[acc.type])

    def verify_(self) -> None:
        lhs, rhs, acc = self.lhs.type, self.rhs.type, self.acc.type
        assert isinstance(lhs, VectorType)
        assert isinstance(rhs, VectorType)
        assert isinstance(acc, VectorType)
        if not lhs.element_type == rhs.element_type == acc.element_type:
            raise VerifyException(f"C1: expected one element type, got {lhs}, {rhs} and {acc}")
        shapes = lhs.get_shape(), rhs.get_shape()
        if any(len(shape) != 1 for shape in shapes) or acc.get_shape() != shapes[0] + shapes[1]:
            raise VerifyException(
                f"C2: expected vectors of the rows and columns of {acc}, got {lhs} and {rhs}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> OuterProductOp:
        unresolved = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        attributes = parser.parse_optional_attr_dict()
        kind = attributes.pop("kind", None)
        if isinstance(kind, CombiningKindAttr) and str(kind.data) != "add":
            parser.raise_error(f"expected the kind add, got {kind.data}")
        parser.parse_punctuation(":")
        start = parser.pos
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        if len(unresolved) != 3 or len(types) != 2 or not all(isinstance(t, VectorType) for t in types):
            parser.raise_error("expected two vectors and a matrix to add to", start, parser.pos)
        lhs, rhs = (t for t in types if isinstance(t, VectorType))
        acc = vector_type(lhs.element_type, *lhs.get_shape(), *rhs.get_shape())
        op = cls(*parser.resolve_operands(unresolved, [lhs, rhs, acc], start))
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_ssa_value)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_list((self.lhs.type, self.rhs.type), printer.print_attribute)
