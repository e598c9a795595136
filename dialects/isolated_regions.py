"""Which operations isolate their regions from the values around."""

from __future__ import annotations

from functools import cache

from xdsl.ir import Operation
from xdsl.traits import IsolatedFromAbove

from pullback.dialects.graph.op.graph_op import SeesItsArguments


@cache
def isolates(kind: type[Operation]) -> bool:
    """Tells whether the regions of operations of a class see nothing of what is around."""
    isolating = (IsolatedFromAbove, SeesItsArguments)
    return any(kind.has_trait(trait, value_if_unregistered=False) for trait in isolating)
