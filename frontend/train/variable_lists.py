"""Checks the arguments of optimizers: losses, lists of variables, pairs with gradients, counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    DTYPES,
    ArgumentTypeError,
    data_type_of,
    element_type_of,
    is_float,
    is_integer,
)
from pullback.frontend.handles.unwrap import handle_of
from pullback.frontend.handles.variable import Variable

FLOATS = [name for name, type_ in DTYPES.items() if is_float(type_)]
"""The dtypes of what has gradients."""


def float_loss(loss: object) -> Tensor:
    """The value behind a loss; `ValueError` (a `TypeError` too) for what has no floating-point dtype."""
    handle = handle_of(loss)
    if handle is None:
        raise ArgumentTypeError(f"loss: expected a tensor, got {type(loss).__name__}")
    _check_float(handle, f"loss '{handle.name}'")
    return handle


def flat_variables(var_list: object, label: str = "var_list") -> list[Variable]:
    """The variables in nested lists; `ValueError` (a `TypeError` too) for anything else among them."""
    if isinstance(var_list, Variable):
        return [var_list]
    if not isinstance(var_list, list | tuple):
        raise ArgumentTypeError(
            f"{label}: expected a variable or a list of them, got {type(var_list).__name__}"
        )
    items = cast("Sequence[object]", var_list)
    return [v for i, item in enumerate(items) for v in flat_variables(item, f"{label}[{i}]")]


def checked_pairs(grads_and_vars: object) -> list[tuple[Any, Variable]]:
    """Pairs of a gradient, or `None`, and a variable of a floating-point dtype.

    Raises:
        ValueError: for anything else (it is a `TypeError` too), for no pairs, or if every gradient is `None`.
    """
    if not isinstance(grads_and_vars, Iterable):
        raise ArgumentTypeError(f"grads_and_vars: expected pairs, got {type(grads_and_vars).__name__}")
    pairs = [_pair(item, f"grads_and_vars[{i}]") for i, item in enumerate(grads_and_vars)]
    if not pairs:
        raise ValueError("No variables provided.")
    if all(gradient is None for gradient, _ in pairs):
        names = ", ".join(repr(variable.name) for _, variable in pairs)
        raise ValueError(f"No gradients provided for any variable: {names}.")
    return pairs


def _pair(item: object, label: str) -> tuple[Any, Variable]:
    if not isinstance(item, list | tuple) or len(cast("Sequence[object]", item)) != 2:
        raise ArgumentTypeError(f"{label}: expected a pair of a gradient and a variable, got {item!r}")
    gradient, variable = cast("Sequence[object]", item)
    if not isinstance(variable, Variable):
        raise ArgumentTypeError(f"{label}: expected a variable to change, got {type(variable).__name__}")
    if gradient is not None:
        _check_float(variable.handle, f"variable '{variable.name}'")
    return gradient, variable


def checked_step(global_step: object) -> Variable:
    """A variable that counts; `ValueError` (a `TypeError` too) for anything else."""
    if not isinstance(global_step, Variable):
        raise ArgumentTypeError(f"global_step: expected a variable, got {type(global_step).__name__}")
    if not is_integer(_element_type(global_step.handle)):
        raise ArgumentTypeError(f"global_step: expected a variable of integers, got {global_step!r}")
    return global_step


def _check_float(handle: Tensor, what: str) -> None:
    if not is_float(element_type := _element_type(handle)):
        raise ArgumentTypeError(
            f"Invalid type {element_type} for {what}, expected one of {', '.join(FLOATS)}"
        )


def _element_type(handle: Tensor) -> Any:
    return element_type_of(data_type_of(handle.type))
