"""The memory of a device in upstream MLIR's own spelling: `gpu.alloc`, `gpu.dealloc`, `gpu.memcpy`, `gpu.memset`.

All of them are synchronous here: they have no tokens, and take effect in the order of the text. xDSL 0.74 prints
these ops in their generic form alone, wants one type on both sides of a copy, and has no `gpu.memset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from xdsl.dialects.builtin import DYNAMIC_INDEX, IndexType, MemRefType
from xdsl.dialects.gpu import AsyncTokenType
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryAllocEffect, MemoryFreeEffect, MemoryReadEffect, MemoryWriteEffect
from xdsl.utils.exceptions import VerifyException


@irdl_op_definition
class AllocOp(IRDLOperation):
    """New memory on the device, of undefined contents. C1: a size for each `?` of the type."""

    name = "gpu.alloc"

    async_dependencies = var_operand_def(AsyncTokenType)
    dynamic_sizes = var_operand_def(IndexType())
    symbol_operands = var_operand_def(IndexType())
    memref = result_def(MemRefType)
    traits = traits_def(MemoryAllocEffect())
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(self, sizes: Sequence[SSAValue], type: Attribute) -> None:
        super().__init__(operands=[[], sizes, []], result_types=[type])

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        sizes = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        op = cls([parser.resolve_operand(size, IndexType()) for size in sizes], parser.parse_type())
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        with printer.in_parens():
            printer.print_list(self.dynamic_sizes, printer.print_ssa_value)
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.memref.type)

    def verify_(self) -> None:
        if self.async_dependencies or self.symbol_operands:
            raise VerifyException("gpu.alloc: only synchronous ones without symbols are supported")
        unknown = _memref(self.memref).get_shape().count(DYNAMIC_INDEX)
        if len(self.dynamic_sizes) != unknown:
            raise VerifyException(
                f"C1: expected {unknown} sizes for {self.memref.type}, got {len(self.dynamic_sizes)}"
            )


@irdl_op_definition
class DeallocOp(IRDLOperation):
    """Frees what `gpu.alloc` made; nothing may use it afterwards."""

    name = "gpu.dealloc"

    memref = operand_def(MemRefType)
    traits = traits_def(MemoryFreeEffect())
    assembly_format = "$memref attr-dict `:` type($memref)"

    def __init__(self, memref: SSAValue | Operation) -> None:
        super().__init__(operands=[memref])


@irdl_op_definition
class MemcpyOp(IRDLOperation):
    """`gpu.memcpy %to, %from : T, U`: a copy between the memories of the host and of devices.

    C1: the same shape. C2: the same element type. Layouts and memory spaces may differ.
    """

    name = "gpu.memcpy"

    dst = operand_def(MemRefType)
    src = operand_def(MemRefType)
    traits = traits_def(MemoryWriteEffect(), MemoryReadEffect())
    assembly_format = "$dst `,` $src attr-dict `:` type($dst) `,` type($src)"

    def __init__(self, destination: SSAValue | Operation, source: SSAValue | Operation) -> None:
        super().__init__(operands=[destination, source])

    def verify_(self) -> None:
        to, source = _memref(self.dst), _memref(self.src)
        pairs = zip(to.get_shape(), source.get_shape(), strict=False)
        differ = any(a != b and DYNAMIC_INDEX not in (a, b) for a, b in pairs)
        if to.get_num_dims() != source.get_num_dims() or differ:
            raise VerifyException(f"C1: expected memrefs of the same shape, got {to} and {source}")
        if to.element_type != source.element_type:
            raise VerifyException(f"C2: expected memrefs of one element type, got {to} and {source}")


@irdl_op_definition
class MemsetOp(IRDLOperation):
    """`gpu.memset %to, %value : T, f32`: each element becomes `value`. C1: of the element type."""

    name = "gpu.memset"

    dst = operand_def(MemRefType)
    value = operand_def(AnyAttr())
    traits = traits_def(MemoryWriteEffect())
    assembly_format = "$dst `,` $value attr-dict `:` type($dst) `,` type($value)"

    def __init__(self, destination: SSAValue | Operation, value: SSAValue) -> None:
        super().__init__(operands=[destination, value])

    def verify_(self) -> None:
        element_type: Attribute = _memref(self.dst).element_type
        if self.value.type != element_type:
            raise VerifyException(f"C1: expected a value of type {element_type}, got {self.value.type}")


def _memref(value: SSAValue) -> MemRefType:
    assert isinstance(value.type, MemRefType)
    return value.type
