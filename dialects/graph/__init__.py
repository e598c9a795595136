"""The graph dialect: tensors, gradients, variables, loops, and kernels at level 3."""

from __future__ import annotations

from xdsl.ir import Dialect

from pullback.dialects.graph import (  # noqa: F401  each import defines operations, in this order
    control_flow,
    creation,
    elementwise,
    indexing,
    kernel,
    linalg,
    markers,
    reductions,
    request,
    shapes,
    variables,
)
from pullback.dialects.graph.base import OPS
from pullback.dialects.graph.location import RoleAttr
from pullback.dialects.graph.policies import AggregationAttr, GatingAttr, UnconnectedAttr
from pullback.dialects.graph.types import SlicesType, StackType, VariableType

Graph = Dialect(
    "graph",
    list(OPS.values()),
    [SlicesType, StackType, VariableType, RoleAttr, AggregationAttr, GatingAttr, UnconnectedAttr],
)

__all__ = ["OPS", "Graph"]
