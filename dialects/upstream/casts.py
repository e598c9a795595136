"""Casts between integers, floats and index, on scalars and vectors (xDSL 0.74 takes scalars only)."""

from __future__ import annotations

from abc import ABC
from types import UnionType
from typing import ClassVar

from xdsl.dialects.arith import IntegerOverflowAttr
from xdsl.dialects.builtin import AnyFloat, IndexType, IntegerType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, opt_prop_def, result_def, traits_def
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.upstream.types import element_type_of, shape_of


class UpstreamCast(IRDLOperation, ABC):
    """`op %x : T to U`, elementwise.

    C1: both types are scalars, or both are vectors (or tensors) of the same shape.
    C2: the element types are of the kinds that the op converts between.
    C3: an integer extension widens, an integer truncation narrows.
    """

    input = operand_def()
    result = result_def()
    traits = traits_def(Pure())
    assembly_format = "$input attr-dict `:` type($input) `to` type($result)"

    FROM: ClassVar[tuple[type[Attribute] | UnionType, ...]]
    TO: ClassVar[tuple[type[Attribute] | UnionType, ...]]

    def __init__(self, input: SSAValue | Operation, result_type: Attribute):
        super().__init__(operands=[input], result_types=[result_type])

    def verify_(self) -> None:
        source, result = self.input.type, self.result.type
        if shape_of(source) != shape_of(result):
            raise VerifyException(
                f"C1: expected operand and result of the same shape, got {source} to {result}"
            )
        source, result = element_type_of(source), element_type_of(result)
        if not isinstance(source, self.FROM) or not isinstance(result, self.TO):
            raise VerifyException(
                f"C2: expected a cast from {kinds(self.FROM)} to {kinds(self.TO)}, got {source} to {result}"
            )
        self.verify_element_types(source, result)

    def verify_element_types(self, source: Attribute, result: Attribute) -> None:
        """Refuses pairs of element types that the op's kinds alone do not exclude."""


def kinds(types: tuple[type[Attribute] | UnionType, ...]) -> str:
    """Names the element types that an op accepts, for messages."""
    words: dict[object, str] = {IntegerType: "an integer", IndexType: "index", AnyFloat: "a float"}
    return " or ".join(words[type] for type in types)


class IntegerToFloatCast(UpstreamCast, ABC):
    """A number converted to the nearest float."""

    FROM: ClassVar = (IntegerType,)
    TO: ClassVar = (AnyFloat,)


class FloatToIntegerCast(UpstreamCast, ABC):
    """A float rounded towards zero; out of range, the result is undefined (poison)."""

    FROM: ClassVar = (AnyFloat,)
    TO: ClassVar = (IntegerType,)


class ExtensionCast(UpstreamCast, ABC):
    """An integer extended to a wider one of the same value."""

    FROM: ClassVar = (IntegerType,)
    TO: ClassVar = (IntegerType,)

    def verify_element_types(self, source: Attribute, result: Attribute) -> None:
        assert isinstance(source, IntegerType)
        assert isinstance(result, IntegerType)
        if result.width.data <= source.width.data:
            raise VerifyException(f"C3: expected a result wider than the operand, got {source} to {result}")


class IndexCast(UpstreamCast, ABC):
    """A cast between an integer and index, by extension or truncation."""

    FROM: ClassVar = (IntegerType, IndexType)
    TO: ClassVar = (IntegerType, IndexType)

    def verify_element_types(self, source: Attribute, result: Attribute) -> None:
        if isinstance(source, IndexType) == isinstance(result, IndexType):
            raise VerifyException(
                f"C2: expected exactly one of the two types to be index, got {source} to {result}"
            )


@irdl_op_definition
class SIToFPOp(IntegerToFloatCast):
    """Conversion from a signed integer."""

    name = "arith.sitofp"


@irdl_op_definition
class UIToFPOp(IntegerToFloatCast):
    """Conversion from an unsigned integer."""

    name = "arith.uitofp"


@irdl_op_definition
class FPToSIOp(FloatToIntegerCast):
    """Conversion to a signed integer."""

    name = "arith.fptosi"


@irdl_op_definition
class FPToUIOp(FloatToIntegerCast):
    """Conversion to an unsigned integer."""

    name = "arith.fptoui"


@irdl_op_definition
class ExtSIOp(ExtensionCast):
    """Sign extension."""

    name = "arith.extsi"


@irdl_op_definition
class ExtUIOp(ExtensionCast):
    """Zero extension."""

    name = "arith.extui"


@irdl_op_definition
class TruncIOp(UpstreamCast):
    """An integer truncated to its low bits."""

    name = "arith.trunci"
    overflow_flags = opt_prop_def(IntegerOverflowAttr, prop_name="overflowFlags")
    assembly_format = "$input (`overflow` `` $overflowFlags^)? attr-dict `:` type($input) `to` type($result)"
    FROM: ClassVar = (IntegerType,)
    TO: ClassVar = (IntegerType,)

    def verify_element_types(self, source: Attribute, result: Attribute) -> None:
        assert isinstance(source, IntegerType)
        assert isinstance(result, IntegerType)
        if result.width.data >= source.width.data:
            raise VerifyException(
                f"C3: expected a result narrower than the operand, got {source} to {result}"
            )


@irdl_op_definition
class IndexCastOp(IndexCast):
    """Sign extension, where it widens."""

    name = "arith.index_cast"


@irdl_op_definition
class IndexCastUIOp(IndexCast):
    """Zero extension, where it widens."""

    name = "arith.index_castui"
