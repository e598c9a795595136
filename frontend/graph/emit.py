"""Helpers with which functions add an operation: convert the arguments, then name the operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from pullback.dialects.graph.op.graph_op import as_values
from pullback.dialects.graph.tensor.arrays import is_array
from pullback.dialects.graph.tensor.tensor import Operand, Operators, Tensor
from pullback.dialects.ir.positions import calls_no_user_code
from pullback.frontend.graph.graph import current_graph
from pullback.frontend.operands.convert import as_tensor


def tensors(*args: Operand, op: str) -> list[Tensor]:
    """The arguments as tensors. Numbers take the dtype of the last tensor among them, or of the first array."""
    if any(isinstance(a, Operators) for a in args):
        return [Tensor(v) for v in as_values(args, op)]
    arrays = [i for i, a in enumerate(args) if is_array(a)]
    at = min(arrays, key=lambda i: isinstance(args[i], np.generic), default=0)
    first = as_tensor(args[at], op)
    return [first if i == at else as_tensor(a, op, first.dtype) for i, a in enumerate(args)]


@partial(calls_no_user_code, below=1)  # the function that names it
def named_as(name: str | None, make: Callable[[], Tensor]) -> Tensor:
    """Calls `make`, and names the first operation that it adds, if a name is given; returns its tensor."""
    if name is None:
        return make()
    graph = current_graph()
    graph.names.check(name)
    graph.next_name = name
    try:
        return make()
    finally:
        graph.next_name = None
