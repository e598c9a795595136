"""Custom gradients: values with a region that computes their vector-Jacobian product; and `prevent_gradient`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, StringAttr
from xdsl.ir import Attribute, Block, Region, SSAValue
from xdsl.irdl import (
    AnyAttr,
    AttrSizedOperandSegments,
    opt_prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser, UnresolvedOperand
from xdsl.printer import Printer
from xdsl.traits import OpTrait, Pure

from pullback.dialects.graph.op.checks import check_results
from pullback.dialects.graph.op.families import Unary, any_dtype
from pullback.dialects.graph.op.graph_op import GradientTerms, GraphOp, graph_op
from pullback.dialects.graph.op.scalar_functions import identity
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    SlicesType,
    compatible_types,
    data_type_of,
    differentiable_type,
    gradient_type_of,
)
from pullback.dialects.ir.diagnostics import DiagnosticError


class HasClosure(OpTrait):
    """Besides the terms of its rule, the captured operands `closed` get the ordinary gradients through `values`.

    These are the gradients of the computation of `values` from `closed`, with `xs` taken as constants.
    """


class DisabledGradientError(DiagnosticError, LookupError):
    """A requested gradient would pass through an operation that forbids it."""


@graph_op
class PreventGradient(Unary):
    """x itself; a gradient through it is an error, with the reason in `message`, if there is one."""

    name = "graph.prevent_gradient"
    EXAMPLES: ClassVar = ("""%r = graph.prevent_gradient %x {message = "not defined at kinks"} : MATRIX""",)
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.asarray
    SCALAR: ClassVar = staticmethod(identity)
    message = opt_prop_def(StringAttr)

    def gradient(self, dy: Tensor) -> GradientTerms:
        reason = self.message.data if isinstance(self.message, StringAttr) else "none was given"
        raise DisabledGradientError(f"Gradient explicitly disabled. Reason: {reason}", self)


@graph_op
class CustomGradient(GraphOp):
    """The values `of`, whose gradients with respect to the values `wrt` are computed by the region.

        %y = graph.custom_gradient of (%v) wrt (%x) closure (%w) : (tensor<3xf32>, …) -> tensor<3xf32> {
        ^bb0(%dy: tensor<3xf32>):
          %dx = graph.multiply %dy, %e : tensor<3xf32>
          graph.yield %dx : tensor<3xf32>
        }

    The region has one argument, a cotangent, for each floating-point value, and may capture values defined before. It
    is copied to where gradients are generated, and never run where it is. It yields a gradient for each x, or for
    those that the property `gradient_of` lists. `closure` holds the other values from which the values `of` are
    computed: to these the ordinary gradient flows.
    """

    name = "graph.custom_gradient"
    EXAMPLES: ClassVar = (
        """%r = graph.custom_gradient of (%x) wrt (%y, %c) closure (%v) {gradient_of = array<i64: 0>}
      : (MATRIX, tensor<?x3xf32>, tensor<3xi1>, VECTOR) -> MATRIX {
  ^bb0(%dy: MATRIX):
    %0 = graph.negative %dy : MATRIX
    graph.yield %0 : MATRIX
  }""",
    )
    values = var_operand_def(AnyAttr())
    xs = var_operand_def(AnyAttr())
    closed = var_operand_def(AnyAttr())
    outputs = var_result_def(AnyAttr())
    gradient_of = opt_prop_def(DenseArrayBase)
    backward = region_def("single_block")
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(Pure(), HasClosure())

    @classmethod
    def over(cls, values: Sequence[SSAValue], xs: Sequence[SSAValue], closed: Sequence[SSAValue]) -> Self:
        """Builds one with an empty region, not inserted yet: the caller inserts it and calls `finish`."""
        types = [gradient_type_of(v.type) for v in values if differentiable_type(v.type)]
        return cls.build(
            operands=[list(values), list(xs), list(closed)],
            result_types=[[v.type for v in values]],
            regions=[Region(Block(arg_types=types))],
        )

    def finish(self, gradients: Sequence[Tensor | None]) -> None:
        """Adds the terminator to the region, with a gradient for each x, or `None`."""
        given = {i: g for i, g in enumerate(gradients) if g is not None}
        if len(given) < len(gradients):
            self.properties["gradient_of"] = integers(list(given))
        self.backward.block.add_op(Yield.create(operands=[g.value for g in given.values()]))

    @property
    def gradient_indices(self) -> list[int]:
        """The indices of the xs to which the yielded gradients belong."""
        if self.gradient_of is None:
            return list(range(len(self.xs)))
        return integer_list(self.properties, "gradient_of")

    def verify_(self) -> None:
        check_results(self, [v.type for v in self.values])
        wanted = [gradient_type_of(v.type) for v in self.values if differentiable_type(v.type)]
        got = [a.type for a in self.backward.block.args]
        if not _all_compatible(got, wanted):
            raise GraphError(
                f"{self.name}: custom_c1: the region takes {_listed(got)}, expected {_listed(wanted)}"
            )
        last = self.backward.block.last_op
        if not isinstance(last, Yield):
            raise GraphError(f"{self.name}: custom_c2: the region must end in graph.yield")
        indices = self.gradient_indices
        if indices != sorted(set(indices)) or any(not 0 <= i < len(self.xs) for i in indices):
            raise GraphError(
                f"{self.name}: custom_c3: gradient_of must count some of the {len(self.xs)} xs, ascending"
            )
        wanted = [self.xs[i].type for i in indices]
        if not _all_gradients(last.operand_types, wanted):
            raise GraphError(
                f"{self.name}: custom_c4: the region yields {_listed(last.operand_types)} as gradients of "
                f"{_listed(wanted)}"
            )

    def numpy(self, *operands: Any) -> Any:
        return operands[: len(self.values)]

    def gradient(self, *dys: Tensor | None) -> GradientTerms:
        block = self.backward.block
        given = (d.value for d in dys if d is not None)
        known: dict[SSAValue, SSAValue] = dict(zip(block.args, given, strict=True))
        last = block.last_op
        assert isinstance(last, Yield)
        for op in block.ops:
            if op is not last:
                insert(op.clone(known))
        yielded = {
            i: Tensor(known.get(v, v)) for i, v in zip(self.gradient_indices, last.values, strict=True)
        }
        of_xs = (yielded.get(i) for i in range(len(self.xs)))
        return (*[None] * len(self.values), *of_xs, *[None] * len(self.closed))

    # ---- text -------------------------------------------------------------------------------------------

    def print(self, printer: Printer) -> None:
        for word, values in (("of", self.values), ("wrt", self.xs), ("closure", self.closed)):
            if values or word != "closure":
                printer.print_string(f" {word} (")
                printer.print_list(values, printer.print_operand)
                printer.print_string(")")
        shown = {k: v for k, v in self.properties.items() if k != "operandSegmentSizes"}
        printer.print_op_attributes(shown | self.attributes)
        printer.print_string(" : ")
        printer.print_function_type([v.type for v in self.operands], self.outputs.types)
        printer.print_string(" ")
        printer.print_region(self.backward)

    @classmethod
    def parse(cls, parser: Parser) -> Self:
        parser.parse_keyword("of")
        groups = [_parse_group(parser)]
        parser.parse_keyword("wrt")
        groups.append(_parse_group(parser))
        groups.append(_parse_group(parser) if parser.parse_optional_keyword("closure") else [])
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        position = parser.pos
        type_ = parser.parse_function_type()
        names = [name for group in groups for name in group]
        values = iter(parser.resolve_operands(names, type_.inputs.data, position))
        operands = [[next(values) for _ in group] for group in groups]
        properties = {k: attributes.pop(k) for k in list(attributes) if k == "gradient_of"}
        return cls.build(
            operands=operands,
            result_types=[type_.outputs.data],
            properties=properties,
            attributes=attributes,
            regions=[parser.parse_region()],
        )


def _parse_group(parser: Parser) -> list[UnresolvedOperand]:
    return parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)


def _all_compatible(got: Sequence[Attribute], wanted: Sequence[Attribute]) -> bool:
    return len(got) == len(wanted) and all(map(compatible_types, got, wanted))


def _all_gradients(got: Sequence[Attribute], xs: Sequence[Attribute]) -> bool:
    """Tells whether these are types of gradients of values of such types: tensors, or slices of them."""
    return len(got) == len(xs) and all(
        compatible_types(data_type_of(g) if isinstance(g, SlicesType) else g, gradient_type_of(x))
        for g, x in zip(got, xs, strict=True)
    )


def _listed(types: Sequence[Attribute]) -> str:
    return f"({', '.join(map(str, types))})"
