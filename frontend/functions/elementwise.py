"""Functions of one element at a time; their operands broadcast as in NumPy."""

from __future__ import annotations

from pullback.dialects.graph.base import GraphOp
from pullback.dialects.graph.elementwise import (
    Add,
    Cast,
    Divide,
    Exp,
    Greater,
    Identity,
    Log,
    Maximum,
    Multiply,
    Negative,
    StopGradient,
    Subtract,
    Tanh,
    Where,
)
from pullback.dialects.graph.types import element_type_from
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.emit import named_as, tensors


def _apply(op: type[GraphOp], args: tuple[Operand, ...], name: str | None) -> Tensor:
    values = tensors(*args, op=op.name)
    return named_as(name, lambda: op.of(*values))


def exp(x: Operand, name: str | None = None) -> Tensor:
    """The natural exponential of a floating-point tensor."""
    return _apply(Exp, (x,), name)


def log(x: Operand, name: str | None = None) -> Tensor:
    """The natural logarithm of a floating-point tensor."""
    return _apply(Log, (x,), name)


def tanh(x: Operand, name: str | None = None) -> Tensor:
    """The hyperbolic tangent of a floating-point tensor."""
    return _apply(Tanh, (x,), name)


def negative(x: Operand, name: str | None = None) -> Tensor:
    """-x."""
    return _apply(Negative, (x,), name)


def identity(x: Operand, name: str | None = None) -> Tensor:
    """x itself, as a value of its own."""
    return _apply(Identity, (x,), name)


def stop_gradient(x: Operand, name: str | None = None) -> Tensor:
    """x itself, taken as a constant by `gradients`."""
    return _apply(StopGradient, (x,), name)


def add(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a + b."""
    return _apply(Add, (a, b), name)


def subtract(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a - b."""
    return _apply(Subtract, (a, b), name)


def multiply(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a * b."""
    return _apply(Multiply, (a, b), name)


def divide(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a / b, of a floating-point dtype."""
    return _apply(Divide, (a, b), name)


def maximum(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """The larger of a and b, NaN if either is; at a tie the gradient goes to a."""
    return _apply(Maximum, (a, b), name)


def greater(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a > b, i1."""
    return _apply(Greater, (a, b), name)


def less(a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """Whether a < b, i1."""
    b_first, a_second = reversed(tensors(a, b, op=Greater.name))
    return named_as(name, lambda: Greater.of(b_first, a_second))


def where(condition: Operand, a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a where the condition (i1) holds, b elsewhere."""
    (test,), branches = tensors(condition, op=Where.name), tensors(a, b, op=Where.name)
    return named_as(name, lambda: Where.of(test, *branches))


def cast(x: Operand, dtype: object, name: str | None = None) -> Tensor:
    """x in another dtype (`"f32"`, `np.float32`): floats toward zero to integers, `x != 0` to i1."""
    (value,) = tensors(x, op=Cast.name)
    return named_as(name, lambda: Cast.to(value, element_type_from(dtype)))


astype = cast
