"""`scf.parallel` in its custom form (xDSL 0.74 has only the generic one)."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import scf
from xdsl.dialects.builtin import IndexType
from xdsl.ir import Attribute, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import SingleBlockImplicitTerminator, ensure_terminator

from pullback.dialects.upstream.redeclared import with_operations


class ParallelOp(scf.ParallelOp):
    """`scf.parallel (%i, %j) = (%lb, ...) to (%ub, ...) step (%s, ...) init (%a) -> T { ... scf.reduce }`."""

    @classmethod
    def parse(cls, parser: Parser) -> ParallelOp:
        delimiter = parser.Delimiter.PAREN
        unresolved = parser.parse_comma_separated_list(
            delimiter, lambda: parser.parse_argument(expect_type=False)
        )

        def index_operands() -> Sequence[SSAValue]:
            return parser.parse_comma_separated_list(delimiter, lambda: parser.parse_operand(IndexType()))

        parser.parse_punctuation("=")
        lower = index_operands()
        parser.parse_keyword("to")
        upper = index_operands()
        parser.parse_keyword("step")
        step = index_operands()
        inits, types = parse_inits(parser) if parser.parse_optional_keyword("init") else ([], [])
        body = parser.parse_region([argument.resolve(IndexType()) for argument in unresolved])
        op = cls.build(operands=[lower, upper, step, inits], result_types=[types], regions=[body])
        op.attributes |= parser.parse_optional_attr_dict()
        for trait in op.get_traits_of_type(SingleBlockImplicitTerminator):
            ensure_terminator(op, trait)
        return op

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        groups = (
            ("", self.body.block.args),
            (" = ", self.lowerBound),
            (" to ", self.upperBound),
            (" step ", self.step),
            (" init ", self.initVals),
        )
        for word, values in groups:
            if values or not word.endswith("init "):
                printer.print_string(word)
                with printer.in_parens():
                    printer.print_list(values, printer.print_ssa_value)
        if self.res:
            printer.print_string(" -> ")
            print_types(printer, [result.type for result in self.res])
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)
        printer.print_op_attributes(self.attributes)


def parse_inits(parser: Parser) -> tuple[Sequence[SSAValue], Sequence[Attribute]]:
    """Parses `(%a, %b) -> (T, U)` or `(%a) -> T`: the initial values of the reductions, and their types."""
    inits = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
    parser.parse_punctuation("->")
    types = parser.parse_optional_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
    types = [parser.parse_type()] if types is None else types
    return parser.resolve_operands(inits, types, parser.pos), types


def print_types(printer: Printer, types: Sequence[Attribute]) -> None:
    """Prints one type bare, several in parentheses."""
    if len(types) == 1:
        printer.print_attribute(types[0])
    else:
        with printer.in_parens():
            printer.print_list(types, printer.print_attribute)


Scf = with_operations(scf.Scf, ParallelOp)
