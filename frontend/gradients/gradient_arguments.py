"""Checks and converts the arguments of `gradients`: what TensorFlow accepts, and errors that name the argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pullback.dialects.graph.gradient.policies import Aggregation, Gating, Unconnected
from pullback.dialects.graph.tensor.tensor import Operators, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, SlicesType
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.unwrap import handle_of
from pullback.frontend.operands.convert import as_tensor
from pullback.passes.gradients.rule_errors import GradientError

__all__ = ["AggregationMethod", "UnconnectedGradients"]


class AggregationMethod:
    """Methods of summing the gradient terms of one value.

    `ADD_N` (the default): all at once. `TREE`: one after another, each as early as possible.
    `ACCUMULATE_N`: into one buffer. `BALANCED`: in pairs of pairs, which rounds best.
    """

    ADD_N = DEFAULT = Aggregation.ADD_N
    TREE = EXPERIMENTAL_TREE = Aggregation.TREE
    ACCUMULATE_N = EXPERIMENTAL_ACCUMULATE_N = Aggregation.ACCUMULATE_N
    BALANCED = Aggregation.BALANCED


class UnconnectedGradients:
    """The gradient of an x that no y depends on: `None`, or zeros of its shape."""

    NONE = Unconnected.NONE
    ZERO = Unconnected.ZERO


def as_list(value: object) -> list[object]:
    """A list or tuple as a list; anything else as a list of one."""
    return list(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else [value]


def converted_y(value: object, label: str) -> Tensor:
    """A y: a variable is read, data becomes a constant, slices stay slices."""
    return value.tensor if isinstance(value, IndexedSlices) else as_tensor(value, label)


def converted_x(value: object, label: str) -> Tensor:
    """An x: a variable means all its reads; data becomes a constant, on which nothing depends."""
    handle = handle_of(value)
    if handle is not None:
        return handle
    if isinstance(value, list | tuple):
        raise ArgumentTypeError(
            f"{label}: expected a tensor or a variable, got a nested {type(value).__name__}"
        )
    return as_tensor(value, label)


def grads_per_y(grad_ys: object, ys: Sequence[object]) -> list[object]:
    """The entries of grad_ys, one for each y; `ValueError` for another number of them."""
    given: list[object] = [None] * len(ys) if grad_ys is None else as_list(grad_ys)
    if len(given) != len(ys):
        raise GradientError(f"Passed {len(given)} grad_ys for {len(ys)} ys: expected one per y, or None")
    return given


def converted_grad(value: object, y: Tensor, label: str) -> Tensor | None:
    """A given gradient of a y; numbers and lists take its dtype. `None` means ones."""
    if value is None:
        return None
    if isinstance(value, IndexedSlices):
        return value.tensor
    dtype = None if isinstance(y.type, SlicesType) else y.dtype
    return as_tensor(value, label, dtype)


def converted_stop(value: object, label: str) -> Tensor:
    """An entry of stop_gradients: a value of the graph."""
    if not isinstance(value, Operators):
        raise ArgumentTypeError(f"{label}: expected a tensor or a variable, got {type(value).__name__}")
    handle = handle_of(value)
    return value.as_tensor() if handle is None else handle


def aggregation_of(method: object) -> Aggregation | None:
    """The aggregation method; `ValueError` for what is none."""
    if method is None:
        return None
    if isinstance(method, str) and method in list(Aggregation):
        return Aggregation(method)
    known = ", ".join(m.name for m in Aggregation)
    raise ValueError(
        f"aggregation_method: invalid value {method!r}; expected one of AggregationMethod.{{{known}}}"
    )


def gating_of(gate: object) -> Gating | None:
    """Any truth value as in TensorFlow, or a mode by name: `"none"`, `"op"`, `"graph"`."""
    if isinstance(gate, str):
        if gate not in list(Gating):
            known = ", ".join(repr(m.value) for m in Gating)
            raise ValueError(f"gate_gradients: invalid value {gate!r}; expected a bool or one of {known}")
        return Gating(gate)
    return Gating.OP if gate else None


def unconnected_of(value: object) -> Unconnected:
    """`"none"`, `"zero"` or the enum; `ValueError` otherwise."""
    if isinstance(value, str) and value in list(Unconnected):
        return Unconnected(value)
    raise ValueError(f"Unknown value for unconnected_gradients: {value!r}; expected 'none' or 'zero'")
