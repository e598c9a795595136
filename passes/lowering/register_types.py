"""Types of elements in registers: half precision is computed in f32, and rounded where it is stored.

Between two operations of a kernel nothing is rounded. So a result is at least as near to the exact one as that of an
evaluator which rounds after each operation, and the bits depend on what is fused.
"""

from __future__ import annotations

from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS


def register_type(element_type: Attribute) -> Attribute:
    """The type in which kernels compute elements of this type: that of sums of a few."""
    return ACCUMULATORS.get(element_type, element_type)
