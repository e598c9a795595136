"""Activation functions with options; the others are generated from their classes."""

from __future__ import annotations

from pullback.dialects.graph.elementwise.activations import LeakyRelu
from pullback.dialects.graph.elementwise.error_function import Gelu
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.functions.creation import checked_number
from pullback.frontend.functions.elementwise import silu
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.axes import is_real_number

__all__ = ["gelu", "leaky_relu", "swish"]


def gelu(x: Operand, approximate: bool = False, name: str | None = None) -> Tensor:
    """x times the probability that a normally distributed number is below x.

    Args:
        x: of a real floating-point dtype.
        approximate: whether to compute it by tanh (Hendrycks and Gimpel, 2016) rather than exactly.

    Raises:
        ValueError: x of another dtype; an `approximate` that is no bool (a `TypeError` too).
    """
    if not isinstance(approximate, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"gelu: approximate: expected True or False, got {approximate!r}")
    (value,) = tensors(x, op=Gelu.name)
    return named_as(name, lambda: Gelu.gated(value, approximate))


def leaky_relu(x: Operand, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """x where it is positive, alpha * x elsewhere.

    Args:
        x: of a real floating-point dtype.
        alpha: a number.

    Raises:
        ValueError: x of another dtype; alpha that is no number (a `TypeError` too).
    """
    if not is_real_number(alpha):
        raise ArgumentTypeError(f"leaky_relu: alpha: expected a number, got {type(alpha).__name__}")
    slope = checked_number(alpha, "leaky_relu: alpha").real
    (value,) = tensors(x, op=LeakyRelu.name)
    return named_as(name, lambda: LeakyRelu.sloped(value, slope))


swish = silu
