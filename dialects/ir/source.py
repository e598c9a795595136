"""Parsing a program from MLIR text, with the source position of each op."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from xdsl.context import Context
from xdsl.dialects.builtin import (
    FloatAttr,
    FusedLoc,
    IntegerAttr,
    LocationAttr,
    ModuleOp,
    NoneAttr,
    UnregisteredOp,
)
from xdsl.ir import Attribute, AttributeInvT, Operation, SSAValue
from xdsl.parser import ParserState, UnresolvedOperand
from xdsl.parser.core import ForwardDeclaredValue
from xdsl.utils.exceptions import DiagnosticException, ParseError
from xdsl.utils.lexer import Input, Span
from xdsl.utils.mlir_lexer import MLIRTokenKind

from pullback.dialects.ir.dense_parser import DenseParser, unlike
from pullback.dialects.ir.lexer import Lexer
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.ir.positions import TextPosition, at_position, place_in, text_position_of
from pullback.process.close_matches import get_close_matches


@dataclass(frozen=True)
class Source:
    """A module and the text it came from.

    Each op also has its position noted on its location, so that copies of it, and ops made from it, lead back here.
    """

    module: ModuleOp
    positions: dict[Operation, Span]
    start: Span

    def position(self, op: Operation) -> Span | None:
        """The source position of `op`, or of the op it was copied from; None if neither was in the text."""
        copied = op
        while copied not in self.positions and copied in _ORIGINALS:
            copied = _ORIGINALS[copied]
        if (span := self.positions.get(copied)) is not None:
            return span
        at = text_position_of(op)
        if at is None or not at.is_own or at.span.input.content is not self.start.input.content:
            return None
        return at.span if self._kinds.get(at.span.start) == op.name else None

    def locate(self, op: Operation | None) -> Span:
        """The source position of `op`, of the op it was made from, or of the nearest op around it that has one."""
        while op is not None:
            if (span := self.position(op)) is not None:
                return span
            if (at := text_position_of(op)) is not None:
                return at.span
            op = op.parent_op()
        return self.start

    @cached_property
    def _kinds(self) -> dict[int, str]:
        """The name of the op that begins at each character of the text."""
        return {span.start: op.name for op, span in self.positions.items()}


_ORIGINALS: WeakKeyDictionary[Operation, Operation] = WeakKeyDictionary()
"""What operations are copies of, for programs that were not read from a text."""


def note_copies(original: Operation, copy: Operation) -> None:
    """Records that an op, and each op in its regions, is a copy, so that messages point to the original's position."""
    _ORIGINALS.update(zip(operations_within(copy), operations_within(original), strict=True))


@contextmanager
def tracing_copies(original: Operation, copy: Operation) -> Generator[None]:
    """As `note_copies`, and only if what is done to the copy meanwhile raises: recording all of them takes time."""
    pairs = list(zip(operations_within(copy), operations_within(original), strict=True))
    try:
        yield
    except DiagnosticException:
        _ORIGINALS.update(pairs)
        raise


def parse(context: Context, text: str, name: str = "<input>", line_offset: int = 0) -> Source:
    """Parses a module from MLIR text.

    Args:
        context: the dialects that may appear.
        text: the program, in custom or generic syntax; `builtin.module` around it may be left out.
        name: what diagnostics call the text, usually its file name.
        line_offset: lines that precede `text` in that file.

    Raises:
        ParseError: at the offending token, for wrong syntax, and for unknown ops, types and attributes.
    """
    start = Span(0, 0, Input(text, name), line_offset)
    try:
        parser = _SourceParser(context, text, name, line_offset)
    except ParseError as error:
        raise _shifted(error, line_offset) from None
    try:
        module = parser.parse_module()
        parser.check_definitions(module)
    except ParseError as error:
        raise _shifted(parser.improved(error), line_offset) from None
    except RecursionError:
        raise _shifted(
            parser.error_here("the program is nested too deeply to be read"), line_offset
        ) from None
    except Exception as error:
        # Attributes and ops check themselves while the parser builds them, with many exception types.
        raise _shifted(parser.error_here(str(error)), line_offset) from error
    return Source(module, parser.positions, start)


def _shifted(error: ParseError, line_offset: int) -> ParseError:
    return ParseError(dataclasses.replace(error.span, line_offset=line_offset), error.msg)


class _SourceParser(DenseParser):
    """xDSL's parser, which also notes positions, and reads `loc(fused<metadata>[...])` and dense elements."""

    def __init__(self, context: Context, text: str, name: str, line_offset: int) -> None:
        super().__init__(context, "", name)
        self._parser_state = ParserState(Lexer(Input(text, name)))
        self._line_offset = line_offset
        self.positions: dict[Operation, Span] = {}
        self._first_use: dict[str, Span] = {}
        self._forward: dict[str, SSAValue] = {}

    def parse_module(self, allow_implicit_module: bool = True) -> ModuleOp:
        if self._current_token.kind is MLIRTokenKind.EOF:
            return ModuleOp([])
        return super().parse_module(allow_implicit_module)

    def parse_operation(self) -> Operation:
        span = self._current_token.span
        if self._line_offset:
            span = dataclasses.replace(span, line_offset=self._line_offset)
        op = super().parse_operation()
        self.positions[op] = span
        op.location = at_position(op.location, TextPosition(span, place_in(op.location)))
        return op

    def resolve_operand(self, operand: UnresolvedOperand, type: AttributeInvT) -> SSAValue[AttributeInvT]:
        if operand.operand_name not in self.ssa_values:
            self._first_use.setdefault(operand.operand_name, operand.span)
        value = super().resolve_operand(operand, type)
        if isinstance(value, ForwardDeclaredValue):
            self._forward[operand.operand_name] = value
        return value

    def _parse_location(self) -> LocationAttr:
        if self.parse_optional_keyword("fused") is None:
            return super()._parse_location()
        metadata: Attribute | None = None
        if self.parse_optional_punctuation("<") is not None:
            metadata = self.parse_attribute()
            self.parse_punctuation(">")
        locations = self.parse_comma_separated_list(self.Delimiter.SQUARE, self._parse_location)
        return FusedLoc(tuple(locations), metadata or NoneAttr())

    def parse_optional_builtin_int_or_float_attr(self) -> IntegerAttr | FloatAttr | None:
        start = self._current_token.span
        try:
            found = super().parse_optional_builtin_int_or_float_attr()
        except OverflowError:
            self.raise_error("the number is too large for its type", start.start, start.end)
        if isinstance(found, FloatAttr) and (found.value.data == 0 or math.isinf(found.value.data)):
            number = (self.lexer.input.slice(start.start, self.pos) or "").split(":")[0].strip()
            is_decimal = not number.lower().startswith("0x")
            if is_decimal and (wrong := unlike(number, found.type, found.value.data)):
                self.raise_error(wrong, start.start, start.end)
        return found

    def _get_op_by_name(self, name: str) -> type[Operation]:
        op_type = self.ctx.get_optional_op(name, dialect_stack=self._parser_state.dialect_stack)
        if op_type is not None and op_type.name != UnregisteredOp.name:
            return op_type
        start = self.lexer.input.content.rfind(name, 0, self._current_token.span.start)
        if op_type is not None and self.lexer.input.at(start - 1) == '"':
            return op_type  # an unknown operation has the generic syntax alone
        known = get_close_matches(name, [op.name for op in self.ctx.loaded_ops], n=1)
        hint = f"; did you mean '{known[0]}'?" if known else ""
        self.raise_error(f"unknown operation '{name}'{hint}", start, start + len(name))

    def check_definitions(self, module: ModuleOp) -> None:
        """Raises `ParseError` for a value defined only inside a region of its user: xDSL counts it as defined."""
        for op in operations_within(module):
            for value in op.operands:
                if isinstance(value, ForwardDeclaredValue):
                    name = next((n for n, v in self._forward.items() if v is value), value.name_hint)
                    at = self._first_use.get(name or "", self.positions.get(op, self._current_token.span))
                    raise ParseError(at, f"value %{name} is used outside of the region that defines it")

    def improved(self, error: ParseError) -> ParseError:
        """Rewrites a parse error of xDSL's: says what was expected, and points to the first use."""
        if error.msg.startswith("Could not parse entire input"):
            return ParseError(error.span, "expected an operation")
        if error.msg.strip() == "in block definition":
            at_end = self._current_token.kind is MLIRTokenKind.EOF
            missing = (
                "the text ends inside a region: a '}' is missing"
                if at_end
                else "expected an operation or '}'"
            )
            return ParseError(error.span, missing)
        undefined = [name for name in self.forward_ssa_references if name in self._first_use]
        if not undefined or not error.msg.startswith("values used but not defined"):
            return error
        return ParseError(self._first_use[undefined[0]], f"value %{undefined[0]} is used but not defined")

    def error_here(self, message: str) -> ParseError:
        """A parse error at the current token."""
        return ParseError(self._current_token.span, message)
