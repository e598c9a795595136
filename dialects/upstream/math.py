"""`math`: the classifications and functions that xDSL 0.74 lacks."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from xdsl.dialects import math
from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import AnyFloat, container_of, i1
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.upstream.redeclared import each_verified_once, with_operations
from pullback.dialects.upstream.types import with_element_type


class Classification(IRDLOperation, ABC):
    """`op %x : T`, elementwise; C1: the result is i1, or a vector (tensor) of i1 of T's shape."""

    operand = operand_def(container_of(AnyFloat))
    result = result_def(container_of(i1))
    fastmath = opt_prop_def(FastMathFlagsAttr)
    traits = traits_def(Pure())

    def __init__(self, operand: SSAValue | Operation):
        operand = SSAValue.get(operand)
        super().__init__(operands=[operand], result_types=[with_element_type(operand.type, i1)])

    def verify_(self) -> None:
        expected = with_element_type(self.operand.type, i1)
        if self.result.type != expected:
            raise VerifyException(f"C1: expected the result type {expected}, got {self.result.type}")

    @classmethod
    def parse(cls, parser: Parser) -> Classification:
        operand = parser.parse_unresolved_operand()
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        op = cls(parser.resolve_operand(operand, parser.parse_type()))
        if "fastmath" in attributes:
            op.properties["fastmath"] = attributes.pop("fastmath")
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.operand)
        flags = {} if self.fastmath is None else {"fastmath": self.fastmath}
        printer.print_op_attributes(self.attributes | flags)
        printer.print_string(" : ")
        printer.print_attribute(self.operand.type)


@irdl_op_definition
class IsNaNOp(Classification):
    """Whether the value is not a number."""

    name = "math.isnan"


@irdl_op_definition
class IsInfOp(Classification):
    """Whether the value is an infinity."""

    name = "math.isinf"


@irdl_op_definition
class IsFiniteOp(Classification):
    """Whether the value is neither an infinity nor NaN."""

    name = "math.isfinite"


@irdl_op_definition
class ErfcOp(math.FloatingPointLikeUnaryMathOperation):
    """The complementary error function, 1 - erf(x)."""

    name = "math.erfc"
    traits = traits_def(Pure())


@irdl_op_definition
class ClampFOp(IRDLOperation):
    """`math.clampf %x to [%min, %max]`: `min(max(x, min), max)`, elementwise."""

    name = "math.clampf"
    T: ClassVar = VarConstraint("T", container_of(AnyFloat))
    value = operand_def(T)
    min = operand_def(T)
    max = operand_def(T)
    result = result_def(T)
    traits = traits_def(Pure())
    assembly_format = "$value `to` `[` $min `,` $max `]` attr-dict `:` type($result)"

    def __init__(self, value: SSAValue | Operation, min: SSAValue | Operation, max: SSAValue | Operation):
        super().__init__(operands=[value, min, max], result_types=[SSAValue.get(value).type])


Math = each_verified_once(with_operations(math.Math, IsNaNOp, IsInfOp, IsFiniteOp, ErfcOp, ClampFOp))
