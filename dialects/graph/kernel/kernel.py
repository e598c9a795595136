"""`graph.kernel`: the unit of scheduling at level `kernels`, a group of operations that run as one loop nest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from xdsl.ir import Attribute, Region
from xdsl.irdl import AnyAttr, opt_prop_def, region_def, traits_def, var_operand_def, var_result_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import RecursiveMemoryEffect

from pullback.dialects.graph.kernel.schedule import EXAMPLE, ScheduleAttr
from pullback.dialects.graph.op.graph_op import (
    GraphOp,
    NotDifferentiable,
    SeesItsArguments,
    graph_op,
    parse_operands,
    parse_types,
    print_types,
)
from pullback.dialects.graph.state.control_flow import RunRegion, Yield
from pullback.dialects.graph.tensor.types import GraphError, compatible_types


@graph_op
class Kernel(GraphOp):
    """A fused group of graph operations on whole tensors that share one iteration space.

        %y = graph.kernel %x, %b schedule<kind = rows, parallel = [128], reduce = [10]> : (…) -> (…) {
        ^bb0(%0: tensor<128x10xf32>, %1: tensor<10xf32>):
          …
          graph.yield %2 : tensor<128x10xf32>
        }

    The region sees only its arguments. The schedule may be edited: see `passes/kernels`.
    """

    name = "graph.kernel"
    EXAMPLES: ClassVar = (
        """%r = graph.kernel %x, %v schedule<kind = pointwise, parallel = [2, 3]> : (MATRIX, VECTOR) -> MATRIX {
  ^bb0(%a: MATRIX, %b: VECTOR):
    %0 = graph.add %a, %b : (MATRIX, VECTOR) -> MATRIX
    graph.yield %0 : MATRIX
  }""",
    )
    inputs = var_operand_def(AnyAttr())
    outputs = var_result_def(AnyAttr())
    schedule = opt_prop_def(ScheduleAttr)
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect(), NotDifferentiable(), SeesItsArguments())

    def verify_(self) -> None:
        arguments = [a.type for a in self.body.block.args]
        if len(arguments) != len(self.inputs) or not all(
            map(compatible_types, arguments, self.operand_types)
        ):
            raise GraphError(f"{self.name}: kernel_c1: the arguments must have the types of the operands")
        last = self.body.block.last_op
        if not isinstance(last, Yield):
            raise GraphError(f"{self.name}: kernel_c2: the region must end in graph.yield")
        yielded: Sequence[Attribute] = last.operand_types
        if len(yielded) != len(self.outputs) or not all(map(compatible_types, yielded, self.result_types)):
            raise GraphError(f"{self.name}: kernel_c3: the yielded values must have the types of the results")

    def run(self, operands: Sequence[Any], run_region: RunRegion) -> Sequence[Any]:
        """Evaluates the kernel: `run_region` runs its region on these values."""
        return run_region(self.body, operands)

    def print(self, printer: Printer) -> None:
        if self.inputs:
            printer.print_string(" ")
            printer.print_list(self.inputs, printer.print_operand)
        if self.schedule is not None:
            printer.print_string(" schedule")
            self.schedule.print_parameter(printer)
        if self.attributes:
            printer.print_op_attributes(self.attributes)
        print_types(printer, self.operand_types, self.result_types)
        printer.print_string(" ")
        printer.print_region(self.body)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        operands = parse_operands(parser)
        properties: dict[str, Attribute] = {}
        if parser.parse_optional_keyword("schedule"):
            if parser.parse_optional_punctuation("{"):
                parser.raise_error(f"a schedule is no dictionary any more: write it as {EXAMPLE}")
            properties["schedule"] = ScheduleAttr(ScheduleAttr.parse_parameter(parser))
        attributes = parser.parse_optional_attr_dict()
        position = parser.pos
        operand_types, result_types = parse_types(parser, len(operands))
        values = parser.resolve_operands(operands, operand_types, position)
        region: Region = parser.parse_region()
        return cls.create(
            operands=values,
            result_types=result_types,
            properties=properties,
            attributes=attributes,
            regions=[region],
        )
