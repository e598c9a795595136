"""The graph dialect: tensors, gradients, variables, loops, and kernels at level 3."""

from __future__ import annotations

from importlib import import_module

from xdsl.ir import Dialect

from pullback.dialects.graph.base import OPS
from pullback.dialects.graph.location import RoleAttr
from pullback.dialects.graph.memory import BufferAttr
from pullback.dialects.graph.policies import AggregationAttr, GatingAttr, UnconnectedAttr
from pullback.dialects.graph.types import SlicesType, StackType, VariableType

FAMILIES = (
    "creation",
    "elementwise",
    "complex_numbers",
    "arithmetic",
    "comparisons",
    "rounding",
    "bitwise",
    "exponential",
    "trigonometric",
    "logistic",
    "error_function",
    "gamma",
    "activations",
    "shapes",
    "rearranging",
    "pieces",
    "scans",
    "reductions",
    "statistics",
    "norms",
    "positions",
    "softmax",
    "losses",
    "normalization",
    "linalg",
    "einsum",
    "matrices",
    "factorizations",
    "determinants",
    "decompositions",
    "convolution",
    "depthwise_convolution",
    "pooling",
    "average_pooling",
    "indexing",
    "rows",
    "gathering",
    "along_axis",
    "sorting",
    "random",
    "slicing",
    "padding",
    "repeating",
    "sequences",
    "dynamic_slicing",
    "variables",
    "control_flow",
    "custom_gradient",
    "stacks",
    "markers",
    "request",
    "kernel",
)
"""The modules that define operations: importing one collects its operations into `OPS`."""

PLACES = {f"{__name__}.{family}": place for place, family in enumerate(FAMILIES)}
for module in PLACES:
    import_module(module)
for operation in sorted(OPS.values(), key=lambda op: PLACES[op.__module__]):
    OPS[operation.name] = OPS.pop(operation.name)  # lists and tables follow FAMILIES, whatever imports what

Graph = Dialect(
    "graph",
    list(OPS.values()),
    [SlicesType, StackType, VariableType, RoleAttr, AggregationAttr, GatingAttr, UnconnectedAttr, BufferAttr],
)

__all__ = ["OPS", "Graph"]
