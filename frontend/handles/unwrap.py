"""Unwraps handles: the SSA value, or the operations, behind what a user passes."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation as IROperation

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.graph.graph import graph_of
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.variable import Variable


def handle_of(value: object) -> Tensor | None:
    """The value itself behind a tensor, a variable or slices; `None` for what must be converted first."""
    match value:
        case Tensor():
            return value
        case Variable():
            return value.handle
        case IndexedSlices():
            return value.tensor
        case _:
            return None


def operations_behind(inputs: Sequence[object], what: str) -> tuple[IROperation, ...]:
    """The operations that make these tensors, variables, slices and operation handles run.

    Placeholders, and what a loop carries, need none: they are there before anything runs.

    Raises:
        ValueError: for something else (a `TypeError` too), or for a tensor that was made inside of a loop or a branch
            and is not there now.
    """
    found: list[IROperation] = []
    for i, value in enumerate(inputs):
        if isinstance(value, Operation):
            found.extend(value.ops)
            continue
        handle = handle_of(value)
        if handle is None:
            kind = type(value).__name__
            raise ArgumentTypeError(f"{what}[{i}]: expected a tensor or an operation, got {kind}")
        graph_of(handle.value).check_visible(handle.value, f"{what}[{i}]")
        if isinstance(handle.value.owner, IROperation):
            found.append(handle.value.owner)
    return tuple(dict.fromkeys(found))
