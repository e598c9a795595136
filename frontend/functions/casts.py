"""Functions that choose between values and between dtypes."""

from __future__ import annotations

from pullback.dialects.graph.elementwise import Cast, Greater, Where
from pullback.dialects.graph.types import element_type_from
from pullback.dialects.graph.value import Operand, Tensor
from pullback.frontend.emit import named_as, tensors

__all__ = ["astype", "cast", "less", "where"]


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
