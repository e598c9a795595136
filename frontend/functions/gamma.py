"""Functions of the gamma family with options, or made of several operations."""

from __future__ import annotations

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.elementwise.gamma import Digamma, Lgamma, Polygamma
from pullback.dialects.graph.op.families import is_float
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import is_whole_number
from pullback.frontend.operands.checked_dtypes import of_dtype
from pullback.frontend.operands.convert import as_tensor

__all__ = ["lbeta", "polygamma"]


def polygamma(n: int, x: Operand, name: str | None = None) -> Tensor:
    """The n-th derivative of `digamma`: `digamma` itself for 0.

    Args:
        n: the order, a number from 0 to 100, known when the graph is built.
        x: of a real floating-point dtype.
        name: of the operation.

    Raises:
        ValueError: x of another dtype, an order out of range; one that is no whole number (a `TypeError` too).
    """
    if not is_whole_number(n):
        raise ArgumentTypeError(f"polygamma: n: expected a whole number, got {n!r}")
    value = as_tensor(x, "polygamma")
    return named_as(name, lambda: Digamma.of(value) if n == 0 else Polygamma.derived(value, int(n)))


def lbeta(x: Operand, name: str | None = None) -> Tensor:
    """The logarithm of the absolute value of the beta function of the last axis, (…, n) -> (…).

    The sum of lgamma(x) less lgamma of the sum of x; -inf for n = 0.

    Args:
        x: of a real floating-point dtype and at least one axis.
        name: of the last operation.

    Raises:
        ValueError: x of another dtype, or a scalar.
    """
    value = of_dtype(as_tensor(x, "lbeta"), is_float, "lbeta")
    if value.ndim == 0:
        raise GraphError(f"lbeta: expected at least one axis, got {value.type}")
    wide = in_accumulator(value)

    def difference() -> Tensor:
        found = Sum.over(Lgamma.of(wide), -1) - Lgamma.of(Sum.over(wide, -1))
        return Cast.to(found, value.element_type)

    return named_as(name, difference)
