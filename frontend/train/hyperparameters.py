"""Checks hyperparameters of optimizers: numbers, tensors, or variables that may change."""

from __future__ import annotations

from numbers import Real
from typing import TypeAlias

from xdsl.ir import Attribute

from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.tensor.tensor import Operators
from pullback.dialects.graph.tensor.types import ArgumentTypeError

Hyperparameter: TypeAlias = float | Operators
"""A number, or a tensor or variable that holds one and is read at each update."""


def checked(value: object, name: str) -> Hyperparameter:
    """The value; `ValueError` (a `TypeError` too) for anything but a number or a floating-point tensor of rank 0."""
    if isinstance(value, Operators):
        shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
        if shape != () or dtype not in ("f16", "bf16", "f32", "f64"):
            raise ArgumentTypeError(
                f"{name}: expected a number, got a tensor of shape {shape} and dtype {dtype}"
            )
        return value
    return number(value, name, "a number, a tensor or a variable")


def number(value: object, name: str, expected: str = "a number") -> float:
    """The value as a float; `ValueError` (a `TypeError` too) for anything but a real number."""
    if isinstance(value, Real) and not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        try:
            return float(value)
        except OverflowError:
            raise ArgumentTypeError(f"{name}: expected {expected}, got one too large for f64") from None
    raise ArgumentTypeError(f"{name}: expected {expected}, got {type(value).__name__}")


def fraction(value: object, name: str) -> float:
    """The value as a float; `ValueError` for anything but a number from 0 up to, but not including, 1."""
    found = number(value, name)
    if not 0 <= found < 1:
        raise ValueError(f"{name}: expected a number from 0 up to, but not including, 1, got {found}")
    return found


def in_dtype(value: Hyperparameter, element_type: Attribute) -> Hyperparameter:
    """For arithmetic with tensors of this element type: a number takes it by itself."""
    if not isinstance(value, Operators):
        return value
    tensor = value.as_tensor()
    return tensor if tensor.element_type == element_type else Cast.to(tensor, element_type)
