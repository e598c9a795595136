"""Comparisons and `select`, on scalars and vectors (xDSL 0.74 takes scalar conditions only)."""

from __future__ import annotations

from abc import ABC
from functools import cache
from typing import ClassVar

from xdsl.dialects.arith import CMPF_COMPARISON_OPERATIONS, CMPI_COMPARISON_OPERATIONS, FastMathFlagsAttr
from xdsl.dialects.builtin import AnyFloat, IndexType, IntegerAttr, IntegerType, container_of, i1, i64
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.upstream.types import with_element_type


class Comparison(IRDLOperation, ABC):
    """`op predicate, %a, %b : T`, elementwise; the result is i1, or a vector (tensor) of i1 of T's shape."""

    predicate = prop_def(IntegerAttr.constr(type=i64))
    lhs = operand_def()
    rhs = operand_def()
    result = result_def()
    traits = traits_def(Pure())

    PREDICATES: ClassVar[list[str]]

    def __init__(self, lhs: SSAValue | Operation, rhs: SSAValue | Operation, predicate: int | str):
        """`predicate` is a name of `PREDICATES` or its number; raises ValueError for another name."""
        lhs = SSAValue.get(lhs)
        number = self.PREDICATES.index(predicate) if isinstance(predicate, str) else predicate
        # Operands and results are as they are defined, and need not be sorted by that.
        Operation.__init__(
            self,
            operands=[lhs, SSAValue.get(rhs)],
            result_types=[with_element_type(lhs.type, i1)],
            properties={"predicate": _predicate(number)},
        )

    def verify_(self) -> None:
        if self.lhs.type != self.rhs.type:
            raise VerifyException(
                f"C1: expected operands of one type, got {self.lhs.type} and {self.rhs.type}"
            )
        expected = with_element_type(self.lhs.type, i1)
        if self.result.type != expected:
            raise VerifyException(f"C2: expected the result type {expected}, got {self.result.type}")
        if not 0 <= self.predicate.value.data < len(self.PREDICATES):
            raise VerifyException(
                f"C3: expected a predicate below {len(self.PREDICATES)}, got {self.predicate.value.data}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> Comparison:
        start = parser.pos
        predicate = parser.parse_identifier()
        if predicate not in cls.PREDICATES:
            parser.raise_error(f"expected one of {', '.join(cls.PREDICATES)}", start, parser.pos)
        parser.parse_punctuation(",")
        lhs = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        rhs = parser.parse_unresolved_operand()
        fastmath = None
        if "fastmath" in cls.get_irdl_definition().properties and parser.parse_optional_keyword("fastmath"):
            fastmath = FastMathFlagsAttr(FastMathFlagsAttr.parse_parameter(parser))
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        type = parser.parse_type()
        op = cls(parser.resolve_operand(lhs, type), parser.resolve_operand(rhs, type), predicate)
        op.attributes |= attributes
        if fastmath is not None:
            op.properties["fastmath"] = fastmath
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(f" {self.PREDICATES[self.predicate.value.data]}, ")
        printer.print_list(self.operands, printer.print_ssa_value)
        fastmath = self.properties.get("fastmath")
        if isinstance(fastmath, FastMathFlagsAttr) and fastmath != FastMathFlagsAttr("none"):
            printer.print_string(" fastmath")
            fastmath.print_parameter(printer)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.lhs.type)


@cache
def _predicate(number: int) -> IntegerAttr[IntegerType]:
    """A predicate, the same object for equal ones: equal operations are verified once."""
    return IntegerAttr(number, i64)


@irdl_op_definition
class CmpiOp(Comparison):
    """Comparison of integers or indices; signed predicates begin with s, unsigned ones with u."""

    name = "arith.cmpi"
    lhs = operand_def(container_of(IntegerType) | container_of(IndexType))
    PREDICATES: ClassVar = CMPI_COMPARISON_OPERATIONS


@irdl_op_definition
class CmpfOp(Comparison):
    """Comparison of floats; predicates that begin with o are false for NaN, those with u true."""

    name = "arith.cmpf"
    lhs = operand_def(container_of(AnyFloat))
    fastmath = opt_prop_def(FastMathFlagsAttr)
    PREDICATES: ClassVar = CMPF_COMPARISON_OPERATIONS


@irdl_op_definition
class SelectOp(IRDLOperation):
    """`arith.select %cond, %a, %b`: one i1 for the whole value, or one per element.

    C1: the condition is i1, or a vector (tensor) of i1 of the values' shape.
    """

    name = "arith.select"
    T: ClassVar = VarConstraint("T", AnyAttr())
    cond = operand_def(container_of(i1))
    lhs = operand_def(T)
    rhs = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())

    def __init__(self, cond: SSAValue | Operation, lhs: SSAValue | Operation, rhs: SSAValue | Operation):
        super().__init__(operands=[cond, lhs, rhs], result_types=[SSAValue.get(lhs).type])

    def verify_(self) -> None:
        expected = with_element_type(self.result.type, i1)
        if self.cond.type not in (i1, expected):
            raise VerifyException(f"C1: expected a condition of type i1 or {expected}, got {self.cond.type}")

    @classmethod
    def parse(cls, parser: Parser) -> SelectOp:
        unresolved = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_unresolved_operand)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        cond_type, type = i1, parser.parse_type()
        if parser.parse_optional_punctuation(","):
            cond_type, type = type, parser.parse_type()
        operands = parser.resolve_operands(unresolved, (cond_type, type, type), parser.pos)
        return cls.create(operands=operands, result_types=[type], attributes=attributes)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list(self.operands, printer.print_ssa_value)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        if self.cond.type != i1:
            printer.print_attribute(self.cond.type)
            printer.print_string(", ")
        printer.print_attribute(self.result.type)
