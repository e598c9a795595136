"""The graph dialect: tensors, gradients, variables, loops, and kernels at level `kernels`.

`tensor` and `op` say what a value and an operation are; then a folder for each subject of operations, in an order that
import-linter holds: a rule or a decomposition uses operations of its own folder and of those before it. `examples.py`
has all operations as text.
"""

from __future__ import annotations

from importlib import import_module

from xdsl.ir import Attribute, Dialect

from pullback.dialects.graph.gradient.policies import AggregationAttr, GatingAttr, UnconnectedAttr
from pullback.dialects.graph.kernel.buffer import BufferAttr
from pullback.dialects.graph.kernel.schedule import ScheduleAttr
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.tensor.types import SlicesType, StackType, VariableType

FAMILIES = (
    "creation.constants",
    "elementwise.basic",
    "elementwise.complex_numbers",
    "elementwise.arithmetic",
    "elementwise.comparisons",
    "elementwise.rounding",
    "elementwise.bitwise",
    "elementwise.exponential",
    "elementwise.trigonometric",
    "elementwise.logistic",
    "elementwise.error_function",
    "elementwise.gamma",
    "elementwise.activations",
    "movement.shapes",
    "movement.rearranging",
    "movement.split_concat",
    "along_axes.scans",
    "along_axes.reductions",
    "along_axes.statistics",
    "along_axes.norms",
    "along_axes.arg_extrema",
    "along_axes.softmax",
    "along_axes.losses",
    "along_axes.normalization",
    "linear_algebra.matmul",
    "linear_algebra.einsum",
    "linear_algebra.contract",
    "linear_algebra.matrices",
    "linear_algebra.factorizations",
    "linear_algebra.determinants",
    "linear_algebra.decompositions",
    "windows.convolution",
    "windows.depthwise_convolution",
    "windows.pooling",
    "windows.average_pooling",
    "by_index.gather",
    "by_index.replace_rows",
    "by_index.gather_nd",
    "by_index.tensor_scatter",
    "by_index.take_along_axis",
    "along_axes.sorting",
    "creation.random_key",
    "creation.distributions",
    "movement.slicing",
    "movement.block_slicing",
    "movement.interleaving",
    "movement.mosaic",
    "movement.padding",
    "movement.padded_slicing",
    "along_axes.repeating",
    "by_index.sequences",
    "by_index.dynamic_slicing",
    "state.variables",
    "state.control_flow",
    "gradient.custom_gradient",
    "state.stacks",
    "state.copy_to",
    "gradient.markers",
    "gradient.request",
    "kernel.kernel",
)
"""The modules that define operations: importing one collects its operations into `OPS`."""

ORDER = {f"{__name__}.{family}": number for number, family in enumerate(FAMILIES)}
for module in ORDER:
    import_module(module)
import_module(f"{__name__}.by_index.index")  # what `x[…]` means
OPS.seal(order=lambda op: ORDER[op.__module__])  # lists and tables follow FAMILIES, whatever imports what

ATTRIBUTES: tuple[type[Attribute], ...] = (
    SlicesType,
    StackType,
    VariableType,
    AggregationAttr,
    GatingAttr,
    UnconnectedAttr,
    BufferAttr,
    ScheduleAttr,
)
"""The types and attributes of the dialect."""


def graph_dialect() -> Dialect:
    """The graph dialect with the operations that it has now, those of plug-ins included."""
    return Dialect("graph", [op for name, op in OPS.items() if name.startswith("graph.")], list(ATTRIBUTES))


__all__ = ["ATTRIBUTES", "OPS", "graph_dialect"]
