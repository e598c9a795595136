"""Buffer assignment: the attribute in which `plan-memory` states the memory of a value."""

from __future__ import annotations

from functools import cache

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.str_enum import StrEnum

from pullback.dialects.graph.tensor.types import GraphError


class MemorySpace(StrEnum):
    """The memory that a buffer is part of."""

    ARENA = "arena"
    INPUT = "input"
    OUTPUT = "output"
    VARIABLE = "variable"
    NONE = "none"


_space = cache(MemorySpace)
_NUMBERED = (MemorySpace.ARENA, MemorySpace.INPUT, MemorySpace.OUTPUT)


@irdl_attr_definition
class BufferAttr(ParametrizedAttribute):
    """The buffer of one value, row-major.

    `#graph.buffer<arena, 4096>` starts at that byte of the arena, `<input, 0>` and `<output, 1>` are arguments and
    results of the function by number, `<variable, "w">` is the variable's own memory, `<none>` is for values that are
    no tensors: the runtime allocates stacks.
    """

    name = "graph.buffer"
    space: StringAttr
    where: Attribute

    @staticmethod
    def arena(offset: int) -> BufferAttr:
        return BufferAttr(StringAttr(MemorySpace.ARENA.value), IntegerAttr(offset, i64))

    @staticmethod
    def input(number: int) -> BufferAttr:
        return BufferAttr(StringAttr(MemorySpace.INPUT.value), IntegerAttr(number, i64))

    @staticmethod
    def output(number: int) -> BufferAttr:
        return BufferAttr(StringAttr(MemorySpace.OUTPUT.value), IntegerAttr(number, i64))

    @staticmethod
    def variable(label: str) -> BufferAttr:
        return BufferAttr(StringAttr(MemorySpace.VARIABLE.value), StringAttr(label))

    @staticmethod
    def none() -> BufferAttr:
        return BufferAttr(StringAttr(MemorySpace.NONE.value), StringAttr(""))

    @property
    def kind(self) -> MemorySpace:
        return _space(self.space.data)

    @property
    def place(self) -> tuple[str, int | str]:
        """The buffer as plain data, such as `("arena", 4096)` or `("variable", "w")`."""
        match self.where:
            case IntegerAttr():
                return self.kind.value, self.where.value.data
            case StringAttr():
                return self.kind.value, self.where.data
            case _:
                raise GraphError(f"buffer_c1: {self.where} is no place")

    def verify(self) -> None:
        _, where = self.place
        if (self.kind in _NUMBERED) != isinstance(where, int) or (isinstance(where, int) and where < 0):
            raise GraphError(f"buffer_c1: no buffer of {self.kind.value} is {where!r}")

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.kind.value)
            if self.kind in _NUMBERED:
                printer.print_string(f", {self.place[1]}")
            elif self.kind is MemorySpace.VARIABLE:
                printer.print_string(", ")
                printer.print_string_literal(str(self.place[1]))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> tuple[StringAttr, Attribute]:
        with parser.in_angle_brackets():
            kind = parser.parse_str_enum(MemorySpace)
            where: Attribute = StringAttr("")
            if kind in _NUMBERED:
                parser.parse_punctuation(",")
                where = IntegerAttr(parser.parse_integer(), i64)
            elif kind is MemorySpace.VARIABLE:
                parser.parse_punctuation(",")
                where = StringAttr(parser.parse_str_literal())
        return StringAttr(kind.value), where
