"""Softmax and its logarithm."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.axis_families import AlongAxis
from pullback.dialects.graph.along_axes.softmax import LogSoftmax, Softmax
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import checked_axis
from pullback.frontend.operands.checked_dtypes import of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = ["log_softmax", "softmax"]


def softmax(logits: Operand, axis: int = -1, name: str | None = None) -> Tensor:
    """exp(logits) over its sum along `axis`, without overflow."""
    return _along(Softmax, as_tensor(logits, "softmax"), axis, name)


def log_softmax(logits: Operand, axis: int = -1, name: str | None = None) -> Tensor:
    """The logarithm of the softmax along `axis`, without overflow."""
    return _along(LogSoftmax, as_tensor(logits, "log_softmax"), axis, name)


def _along(op: type[AlongAxis], value: Tensor, axis: int, name: str | None) -> Tensor:
    what = op.name.removeprefix("graph.")
    at = checked_axis(axis, value.ndim, what)
    of_dtype(value, op.DTYPES, what)
    return named_as(name, lambda: op.along(value, axis=at))
