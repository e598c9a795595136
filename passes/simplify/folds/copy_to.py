"""Folds copies between devices that arrive where their operand was."""

from __future__ import annotations

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation

from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.simplify.matching import Folded, folds, producer


@folds(CopyTo)
def copy_of_copy(op: CopyTo) -> Folded:
    """A copy of a copy is one of the original, or the original where that is told to be there."""
    first = producer(Tensor(op.operands[0]), CopyTo)
    if first is None:
        return None
    source, device = first.operands[0], op.attributes[DEVICE]
    if isinstance(source.owner, Operation) and source.owner.attributes.get(DEVICE) == device:
        return Tensor(source)
    return CopyTo.to(Tensor(source), device.data) if isinstance(device, StringAttr) else None
