"""The policies of a request for gradients (aggregation, gating, unconnected), as enums and as attributes."""

from __future__ import annotations

from typing import Any

from xdsl.dialects.utils import EnumAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.str_enum import StrEnum


class Aggregation(StrEnum):
    """The method by which the gradient terms of one value are summed."""

    ADD_N = "add_n"
    TREE = "tree"
    ACCUMULATE_N = "accumulate_n"
    BALANCED = "balanced"


class Gating(StrEnum):
    """The gradients that must be computed before one may be used: none, all of an operation, or all of a request."""

    NONE = "none"
    OP = "op"
    GRAPH = "graph"


class Unconnected(StrEnum):
    """The result of a request for an x on which no y depends."""

    NONE = "none"
    ZERO = "zero"


class _Angled:
    """Syntax of enum attributes in angle brackets, `#graph.gate<op>`: `EnumAttribute` alone prints `#graph.gate op`."""

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.data.value)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> Any:
        with parser.in_angle_brackets():
            return parser.parse_str_enum(cls.enum_type)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]


@irdl_attr_definition
class AggregationAttr(_Angled, EnumAttribute[Aggregation]):  # pyright: ignore[reportIncompatibleMethodOverride]
    """`#graph.aggregation<tree>`."""

    name = "graph.aggregation"


@irdl_attr_definition
class GatingAttr(_Angled, EnumAttribute[Gating]):  # pyright: ignore[reportIncompatibleMethodOverride]
    """`#graph.gate<op>`."""

    name = "graph.gate"


@irdl_attr_definition
class UnconnectedAttr(_Angled, EnumAttribute[Unconnected]):  # pyright: ignore[reportIncompatibleMethodOverride]
    """`#graph.unconnected<zero>`."""

    name = "graph.unconnected"
