"""Control flow: `graph.while`, its terminators, and the values that regions capture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, TypeAlias

from xdsl.dialects.builtin import UnitAttr, i1
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import (
    AnyAttr,
    lazy_traits_def,
    operand_def,
    opt_prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import HasParent, IsTerminator, OpTrait, Pure, RecursiveMemoryEffect

from pullback.dialects.graph.op.graph_op import (
    GraphOp,
    NotDifferentiable,
    graph_op,
    parse_operands,
)
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_types,
    element_type_of,
    shape_of_type,
)

RunRegion: TypeAlias = Callable[[Region, Sequence[Any]], Sequence[Any]]
"""Runs a region on these arguments, and returns the operands of its terminator."""


class HasLoopGradient(OpTrait):
    """The gradient engine derives the gradient of this operation from its regions, not from a rule."""


@graph_op
class While(GraphOp):
    """A loop: repeats the body on the carried values as long as the condition on them holds; returns the last ones.

        %i, %x = graph.while %i0, %x0 : tensor<i32>, tensor<4xf32> {
        ^bb0(%i: tensor<i32>, %x: tensor<4xf32>):
          graph.condition %c : tensor<i1>
        } do {
        ^bb0(%i: tensor<i32>, %x: tensor<4xf32>):
          graph.yield %i1, %x1 : tensor<i32>, tensor<4xf32>
        }

    Both regions may capture values from outside: loop invariants. With the property `no_gradient` (TensorFlow's
    `back_prop=False`) no gradient flows back through the loop: its operands get `None`.
    """

    name = "graph.while"
    EXAMPLES: ClassVar = (
        """%r:2 = graph.while %s, %v : tensor<f32>, VECTOR {
  ^bb0(%a: tensor<f32>, %b: VECTOR):
    %0 = graph.greater %a, %s : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %0 : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>, %b: VECTOR):
    graph.yield %a, %b : tensor<f32>, VECTOR
  }""",
    )
    inits = var_operand_def(AnyAttr())
    outputs = var_result_def(AnyAttr())
    no_gradient = opt_prop_def(UnitAttr)
    condition = region_def("single_block")
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect(), HasLoopGradient())

    def verify_(self) -> None:
        types = self.operand_types
        self._check("results", self.result_types, types)
        for region, what in ((self.condition, "condition"), (self.body, "body")):
            self._check(f"arguments of the {what}", [a.type for a in region.block.args], types)
        if not isinstance(self.condition.block.last_op, Condition):
            raise GraphError(f"{self.name}: while_c1: the condition must end in graph.condition")
        last = self.body.block.last_op
        if not isinstance(last, Yield):
            raise GraphError(f"{self.name}: while_c2: the body must end in graph.yield")
        self._check("yielded values", last.operand_types, types)

    def _check(self, what: str, got: Sequence[Attribute], expected: Sequence[Attribute]) -> None:
        fits = len(got) == len(expected) and all(
            compatible_types(g, e) for g, e in zip(got, expected, strict=True)
        )
        if not fits:
            raise GraphError(
                f"{self.name}: while_c3: {what} must have the carried types {', '.join(map(str, expected))}, "
                f"got {', '.join(map(str, got))}"
            )

    def run(self, operands: Sequence[Any], run_region: RunRegion) -> Sequence[Any]:
        """Evaluates the loop: `run_region` runs one of the two regions on run-time values."""
        carried = list(operands)
        while bool(run_region(self.condition, carried)[0]):
            carried = list(run_region(self.body, carried))
        return carried

    def print(self, printer: Printer) -> None:
        if self.inits:
            printer.print_string(" ")
            printer.print_list(self.inits, printer.print_operand)
        shown = self.properties | self.attributes
        if shown:
            printer.print_op_attributes(shown)
        printer.print_string(" : ")
        printer.print_list(self.operand_types, printer.print_attribute)
        printer.print_string(" ")
        printer.print_region(self.condition)
        printer.print_string(" do ")
        printer.print_region(self.body)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operands = parse_operands(parser)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        position = parser.pos
        types = parser.parse_optional_undelimited_comma_separated_list(
            parser.parse_optional_type, parser.parse_type
        )
        values = parser.resolve_operands(operands, types or [], position)
        condition = parser.parse_region()
        parser.parse_keyword("do")
        body = parser.parse_region()
        properties = {k: attributes.pop(k) for k in list(attributes) if k == "no_gradient"}
        return cls.create(
            operands=values,
            result_types=[v.type for v in values],
            properties=properties,
            attributes=attributes,
            regions=[condition, body],
        )

    @classmethod
    def over(cls, inits: Sequence[Tensor], no_gradient: bool = False) -> Self:
        """Builds a loop with empty regions, not inserted yet: the caller fills both and inserts it."""
        types = [t.type for t in inits]
        return cls.create(
            operands=[t.value for t in inits],
            result_types=types,
            properties={"no_gradient": UnitAttr()} if no_gradient else {},
            regions=[Region(Block(arg_types=types)), Region(Block(arg_types=types))],
        )


@graph_op
class Condition(GraphOp):
    """The terminator of a loop's condition: whether to run the body again."""

    name = "graph.condition"
    going_on = operand_def(AnyAttr())
    traits = lazy_traits_def(lambda: (IsTerminator(), HasParent(While), Pure(), NotDifferentiable()))

    def verify_(self) -> None:
        type_ = self.operand_types[0]
        if element_type_of(type_) != i1 or shape_of_type(type_):
            raise GraphError(f"{self.name}: while_c4: the condition must be tensor<i1>, got {type_}")


@graph_op
class Yield(GraphOp):
    """The terminator of a loop's or a kernel's body, with the values that it returns."""

    name = "graph.yield"
    values = var_operand_def(AnyAttr())
    traits = traits_def(IsTerminator(), Pure(), NotDifferentiable())

    def verify_(self) -> None:
        """Checks nothing: the operation around it checks the types."""

    def print(self, printer: Printer) -> None:
        if self.values:
            printer.print_string(" ")
            printer.print_list(self.values, printer.print_operand)
            printer.print_string(" : ")
            printer.print_list(self.operand_types, printer.print_attribute)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operands = parse_operands(parser)
        if not operands:
            return cls.create()
        parser.parse_punctuation(":")
        position = parser.pos
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        return cls.create(operands=parser.resolve_operands(operands, types, position))


def captured_values(op: Operation) -> list[SSAValue]:
    """Finds the values from outside that the regions of an operation capture, in the order of their first use."""
    inside: set[SSAValue] = set()
    captured: dict[SSAValue, None] = {}
    for inner in op.walk():
        for region in inner.regions:
            for block in region.blocks:
                inside.update(block.args)
        if inner is not op:
            captured.update((v, None) for v in inner.operands if v not in inside)
            inside.update(inner.results)
    return list(captured)
