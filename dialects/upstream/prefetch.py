"""`memref.prefetch`: a hint that an element is needed soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from xdsl.dialects.builtin import BoolAttr, IndexType, IntegerAttr, MemRefType, i32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def, var_operand_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

ACCESSES = {"read": False, "write": True}
CACHES = {"instr": False, "data": True}


@irdl_op_definition
class PrefetchOp(IRDLOperation):
    """`memref.prefetch %m[%i], read, locality<3>, data : T`: has the element fetched; it need not exist.

    C1: one index per dimension of the memref. C2: the locality is from 0 (used once) to 3 (kept in all caches).
    """

    name = "memref.prefetch"
    memref = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    is_write = prop_def(BoolAttr, prop_name="isWrite")
    locality = prop_def(IntegerAttr.constr(type=i32), prop_name="localityHint")
    is_data_cache = prop_def(BoolAttr, prop_name="isDataCache")

    def __init__(
        self,
        memref: SSAValue | Operation,
        indices: Sequence[SSAValue | Operation],
        *,
        is_write: bool = False,
        locality: int = 3,
        is_data_cache: bool = True,
    ):
        # Operands are as they are defined, and need not be sorted by that.
        Operation.__init__(
            self,
            operands=[SSAValue.get(memref), *map(SSAValue.get, indices)],
            properties=_properties(is_write, locality, is_data_cache),
        )

    def verify_(self) -> None:
        type = self.memref.type
        assert isinstance(type, MemRefType)
        if len(self.indices) != type.get_num_dims():
            raise VerifyException(
                f"C1: expected {type.get_num_dims()} indices for {type}, got {len(self.indices)}"
            )
        if not 0 <= self.locality.value.data <= 3:
            raise VerifyException(f"C2: expected a locality from 0 to 3, got {self.locality.value.data}")

    @classmethod
    def parse(cls, parser: Parser) -> PrefetchOp:
        memref = parser.parse_unresolved_operand()
        indices = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_unresolved_operand)
        parser.parse_punctuation(",")
        is_write = ACCESSES[
            parser.expect(lambda: _optional_word(parser, ACCESSES), "expected 'read' or 'write'")
        ]
        parser.parse_punctuation(",")
        parser.parse_keyword("locality")
        with parser.in_angle_brackets():
            locality = parser.parse_integer(allow_boolean=False)
        parser.parse_punctuation(",")
        is_data = CACHES[parser.expect(lambda: _optional_word(parser, CACHES), "expected 'data' or 'instr'")]
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        resolved = parser.resolve_operand(memref, parser.parse_type())
        along = [parser.resolve_operand(index, IndexType()) for index in indices]
        op = cls(resolved, along, is_write=is_write, locality=locality, is_data_cache=is_data)
        op.attributes |= attributes
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.memref)
        with printer.in_square_brackets():
            printer.print_list(self.indices, printer.print_ssa_value)
        access = "write" if self.is_write.value.data else "read"
        cache = "data" if self.is_data_cache.value.data else "instr"
        printer.print_string(f", {access}, locality<{self.locality.value.data}>, {cache}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_attribute(self.memref.type)


@cache
def _properties(is_write: bool, locality: int, is_data_cache: bool) -> Mapping[str, Attribute]:
    """The properties of a prefetch, the same objects for equal ones: equal operations are verified once."""
    return {
        "isWrite": BoolAttr.from_bool(is_write),
        "localityHint": IntegerAttr(locality, i32),
        "isDataCache": BoolAttr.from_bool(is_data_cache),
    }


def _optional_word(parser: Parser, words: dict[str, bool]) -> str | None:
    return next((word for word in words if parser.parse_optional_keyword(word)), None)
