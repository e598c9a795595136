"""`memref.copy` and `memref.global` in their custom forms (xDSL 0.74 has only the generic ones)."""

from __future__ import annotations

from typing import cast

from xdsl.dialects import memref
from xdsl.dialects.builtin import (
    AnyDenseElement,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    MemRefType,
    StringAttr,
    SymbolNameConstraint,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, opt_prop_def, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.ir.dense import print_elements
from pullback.dialects.upstream.prefetch import PrefetchOp
from pullback.dialects.upstream.redeclared import each_verified_once, with_operations


@irdl_op_definition
class CopyOp(IRDLOperation):
    """`memref.copy %source, %destination : T to U`. C1: same shape. C2: same element type."""

    name = "memref.copy"
    source = operand_def(MemRefType)
    destination = operand_def(MemRefType)
    traits = traits_def(MemoryWriteEffect(), MemoryReadEffect())
    assembly_format = "$source `,` $destination attr-dict `:` type($source) `to` type($destination)"

    def __init__(self, source: SSAValue | Operation, destination: SSAValue | Operation):
        super().__init__(operands=[source, destination])

    def verify_(self) -> None:
        source, destination = self.source.type, self.destination.type
        assert isinstance(source, MemRefType)
        assert isinstance(destination, MemRefType)
        if source.get_shape() != destination.get_shape():
            raise VerifyException(f"C1: expected memrefs of the same shape, got {source} and {destination}")
        if source.element_type != destination.element_type:
            raise VerifyException(f"C2: expected memrefs of one element type, got {source} and {destination}")


@irdl_op_definition
class GlobalOp(IRDLOperation):
    """`memref.global "private" constant @name : T = dense<…> {alignment = 64 : i64}`.

    `= uninitialized` leaves the contents undefined; without an initial value the symbol is external.
    C1: the type has a static shape. C2: the initial value has T's shape and element type.
    C3: the alignment is a power of two.
    """

    name = "memref.global"
    sym_name = prop_def(SymbolNameConstraint())
    sym_visibility = opt_prop_def(StringAttr)
    type = prop_def(MemRefType)
    initial_value = opt_prop_def(UnitAttr | DenseIntOrFPElementsAttr)
    constant = opt_prop_def(UnitAttr)
    alignment = opt_prop_def(IntegerAttr.constr(type=i64))
    traits = traits_def(SymbolOpInterface())

    def __init__(
        self,
        name: str,
        type: MemRefType,
        initial_value: Attribute | None,
        *,
        visibility: str | None = "private",
        constant: bool = False,
        alignment: int | None = None,
    ):
        """`initial_value` is a dense attribute of tensor type, UnitAttr() for "uninitialized", or None."""
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "sym_visibility": None if visibility is None else StringAttr(visibility),
                "type": type,
                "initial_value": initial_value,
                "constant": UnitAttr() if constant else None,
                "alignment": None if alignment is None else IntegerAttr(alignment, i64),
            }
        )

    def verify_(self) -> None:
        if not self.type.has_static_shape():
            raise VerifyException(f"C1: expected a type of static shape, got {self.type}")
        value = self.initial_value
        if isinstance(value, DenseIntOrFPElementsAttr) and value.type != value_type(self.type):
            raise VerifyException(
                f"C2: expected an initial value of type {value_type(self.type)}, got {value.type}"
            )
        if self.alignment is not None and self.alignment.value.data.bit_count() != 1:
            raise VerifyException(
                f"C3: expected an alignment that is a power of two, got {self.alignment.value.data}"
            )

    @classmethod
    def parse(cls, parser: Parser) -> GlobalOp:
        visibility = parser.parse_optional_str_literal()
        constant = parser.parse_optional_keyword("constant") is not None
        name = parser.parse_symbol_name()
        parser.parse_punctuation(":")
        start = parser.pos
        type = parser.parse_type()
        if not isinstance(type, MemRefType):
            parser.raise_error("expected a memref type", start, parser.pos)
        value: Attribute | None = None
        if parser.parse_optional_punctuation("="):
            if parser.parse_optional_keyword("uninitialized"):
                value = UnitAttr()
            else:
                parser.parse_keyword("dense")
                value = parser.parse_dense_int_or_fp_elements_attr(value_type(type))
        attributes = parser.parse_optional_attr_dict()
        op = cls(name.data, type, value, visibility=visibility, constant=constant)
        if "alignment" in attributes:
            op.properties["alignment"] = attributes.pop("alignment")
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        if self.sym_visibility is not None:
            printer.print_string(" ")
            printer.print_string_literal(self.sym_visibility.data)
        printer.print_string(" constant " if self.constant is not None else " ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string(" : ")
        printer.print_attribute(self.type)
        if isinstance(self.initial_value, DenseIntOrFPElementsAttr):
            printer.print_string(" = ")
            print_elements(self.initial_value, printer)
        elif self.initial_value is not None:
            printer.print_string(" = uninitialized")
        alignment = {} if self.alignment is None else {"alignment": self.alignment}
        printer.print_op_attributes(self.attributes | alignment)


def value_type(type: MemRefType) -> TensorType[AnyDenseElement]:
    """The tensor type of the initial value of a global of memref type `type`."""
    return TensorType(cast(AnyDenseElement, type.element_type), type.shape)


MemRef = each_verified_once(with_operations(memref.MemRef, CopyOp, GlobalOp, PrefetchOp))
