"""Activation functions that have options; the others are made from their classes."""

from __future__ import annotations

from pullback.dialects.graph.activations import LeakyRelu
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.emit import named_as, tensors
from pullback.frontend.errors import ArgumentTypeError

__all__ = ["leaky_relu"]


def leaky_relu(x: Operand, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """x where it is positive, alpha * x elsewhere.

    Args:
        x: of a real floating-point dtype.
        alpha: a number.

    Raises:
        ValueError: x of another dtype; alpha that is no number (a `TypeError` too).
    """
    if isinstance(alpha, bool) or not isinstance(alpha, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"leaky_relu: alpha: expected a number, got {type(alpha).__name__}")
    (value,) = tensors(x, op=LeakyRelu.name)
    return named_as(name, lambda: LeakyRelu.sloped(value, float(alpha)))
