# Made by `python -m pullback.tools.generate` from the classes of the operations.
from pullback.dialects.graph.value import Operand, Tensor

__all__ = ["negative", "exp", "log", "tanh", "identity", "stop_gradient", "add", "subtract", "multiply", "divide", "maximum", "greater", "complex"]

def negative(x: Operand, name: str | None = None) -> Tensor:
    """-x."""

def exp(x: Operand, name: str | None = None) -> Tensor:
    """The natural exponential."""

def log(x: Operand, name: str | None = None) -> Tensor:
    """The natural logarithm."""

def tanh(x: Operand, name: str | None = None) -> Tensor:
    """Hyperbolic tangent."""

def identity(x: Operand, name: str | None = None) -> Tensor:
    """x itself."""

def stop_gradient(x: Operand, name: str | None = None) -> Tensor:
    """x itself, with no gradient through it."""

def add(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a + b."""

def subtract(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a - b."""

def multiply(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a * b."""

def divide(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a / b."""

def maximum(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The larger of a and b, NaN if either is; at a tie the whole gradient goes to a."""

def greater(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a > b."""

def complex(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Complex numbers of these real and imaginary parts."""
