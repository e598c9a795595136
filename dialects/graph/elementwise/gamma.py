"""The logarithm of the gamma function, and its derivatives of any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from xdsl.dialects.builtin import IntegerAttr, f64, i64
from xdsl.ir import Attribute
from xdsl.irdl import base, prop_def

from pullback.dialects.graph.elementwise import gamma_functions
from pullback.dialects.graph.op.families import Unary
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.oracles import in_double
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, is_float

LARGEST_ORDER = 100
"""Beyond this order the formulas would overflow f64."""


def _in_f64(function: Callable[[Scalar, gamma_functions.Functions], Scalar]) -> Callable[[Scalar], Scalar]:
    """Makes the scalar body of a function that is computed in f64, and rounded to its operand's dtype."""
    return lambda x: function(x.cast(f64), gamma_functions.ON_SCALARS).cast(x.element_type)


@graph_op
class Lgamma(Unary):
    """The logarithm of the absolute value of the gamma function: infinite at 0 and at negative whole numbers."""

    name = "graph.lgamma"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = staticmethod(in_double(gamma_functions.lgamma))
    SCALAR: ClassVar = staticmethod(_in_f64(gamma_functions.lgamma))
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * Digamma.of(self.x),)


@graph_op
class Digamma(Unary):
    """The derivative of lgamma: NaN at negative whole numbers, infinite at 0."""

    name = "graph.digamma"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = staticmethod(in_double(gamma_functions.digamma))
    SCALAR: ClassVar = staticmethod(_in_f64(gamma_functions.digamma))
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * Polygamma.derived(self.x, 1),)


@graph_op
class Polygamma(Unary):
    """The derivative of digamma of an order from 1 to 100; at 0 and at negative whole numbers (-1)^(order + 1) inf."""

    name = "graph.polygamma"
    EXAMPLES: ClassVar = ("%r = graph.polygamma %x {order = 1 : i64} : MATRIX",)
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True
    order = prop_def(base(IntegerAttr))

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        order = properties["order"]
        if not isinstance(order, IntegerAttr) or not 1 <= order.value.data <= LARGEST_ORDER:
            raise GraphError(
                f"{cls.name}: order_c1: the order must be from 1 to {LARGEST_ORDER}, got {order}"
            )
        return super().infer(operands, properties)

    @classmethod
    def derived(cls, x: Tensor, order: int) -> Tensor:
        """Emits the derivative of `digamma` of this order."""
        return cls.of(x, order=IntegerAttr(order, i64))

    @property
    def degree(self) -> int:
        """The order as a number."""
        assert isinstance(self.order, IntegerAttr)
        return self.order.value.data

    def body(self, *operands: Scalar) -> Scalar:
        return _in_f64(partial(gamma_functions.polygamma, self.degree))(*operands)

    def numpy(self, *operands: Array) -> Any:
        return in_double(partial(gamma_functions.polygamma, self.degree))(*operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * Polygamma.derived(self.x, self.degree + 1),)
