"""Elementwise functions that choose values, clip to bounds, or cast to dtypes."""

from __future__ import annotations

from pullback.dialects.graph.elementwise.arithmetic import Clip
from pullback.dialects.graph.elementwise.basic import Cast, Identity, Maximum, Minimum, Where
from pullback.dialects.graph.op.families import numeric
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import element_type_from
from pullback.frontend.graph.emit import named_as, tensors
from pullback.frontend.operands.checked_dtypes import of_dtype

__all__ = ["astype", "cast", "clip", "positive", "where"]


def where(condition: Operand, a: Operand, b: Operand, name: str | None = None) -> Tensor:
    """a where the condition (i1) holds, b elsewhere."""
    (test,), branches = tensors(condition, op=Where.name), tensors(a, b, op=Where.name)
    return named_as(name, lambda: Where.of(test, *branches))


def clip(
    x: Operand, min: Operand | None = None, max: Operand | None = None, name: str | None = None
) -> Tensor:
    """x where it lies between the bounds, else the bound that it passes; `min`, where the bounds cross.

    At a bound the gradient is x's.

    Args:
        x: of a real dtype.
        min, max: numbers, or tensors of the dtype of x, which all three broadcast with; `None` for no bound.

    Raises:
        ValueError: another dtype, or shapes that do not broadcast.
    """
    if min is None or max is None:
        if min is None and max is None:
            return named_as(name, lambda: Identity.of(*tensors(x, op=Clip.name)))
        one_sided, bound = (Maximum, min) if max is None else (Minimum, max)
        assert bound is not None
        operands = tensors(x, bound, op=Clip.name)
        return named_as(name, lambda: one_sided.of(*operands))
    values = tensors(x, min, max, op=Clip.name)
    return named_as(name, lambda: Clip.of(*values))


def cast(x: Operand, dtype: object, name: str | None = None) -> Tensor:
    """x in another dtype (`"f32"`, `np.float32`): floats toward zero to integers, `x != 0` to i1."""
    (value,) = tensors(x, op=Cast.name)
    return named_as(name, lambda: Cast.to(value, element_type_from(dtype)))


astype = cast


def positive(x: Operand, name: str | None = None) -> Tensor:
    """+x: numbers as they are."""
    (value,) = tensors(x, op="positive")
    of_dtype(value, numeric, "positive")
    return named_as(name, lambda: Identity.of(value))
