"""Activation functions of neural networks. Kinks have TensorFlow's gradients: 0 at both ends of `relu6`, 1 in `elu`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import FloatAttr, f64
from xdsl.ir import Attribute
from xdsl.irdl import base, prop_def

from pullback.dialects.graph.elementwise.arithmetic import bounded
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import LogicalOr
from pullback.dialects.graph.elementwise.logistic import Sigmoid, sigmoid, sigmoid_of_array
from pullback.dialects.graph.op.families import Unary, any_dtype, real_numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import absolute, expm1, maximum, minimum, select
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import is_complex, is_float, is_inexact

# Klambauer et al., Self-Normalizing Neural Networks, 2017.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

FLAT = 1000.0
"""Beyond it `sigmoid` is 0 or 1 in every dtype."""


@graph_op
class Relu(Unary):
    """max(x, 0); its gradient at 0 is 0, at NaN 1."""

    name = "graph.relu"
    EXACT: ClassVar = any_dtype
    IDEMPOTENT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return maximum(x, x.like(0))

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.maximum(x, x.dtype.type(0))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Where.of(self.y <= 0, 0, dy),)


@graph_op
class Relu6(Unary):
    """min(max(x, 0), 6); its gradient at 0 and at 6 is 0, at NaN 1."""

    name = "graph.relu6"
    EXACT: ClassVar = any_dtype
    IDEMPOTENT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return minimum(maximum(x, x.like(0)), x.like(6))

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.minimum(np.maximum(x, x.dtype.type(0)), x.dtype.type(6))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Where.of(LogicalOr.of(self.y <= 0, self.y >= 6), 0, dy),)


@graph_op
class LeakyRelu(Unary):
    """x where it is positive, alpha * x elsewhere."""

    name = "graph.leaky_relu"
    EXAMPLES: ClassVar = ("%r = graph.leaky_relu %x {alpha = 0.2 : f64} : MATRIX",)
    DTYPES: ClassVar = is_float
    alpha = prop_def(base(FloatAttr))

    @classmethod
    def sloped(cls, x: Tensor, alpha: float) -> Tensor:
        """Emits `leaky_relu` with this slope for negative x."""
        return cls.of(x, alpha=FloatAttr(alpha, f64))

    @property
    def slope(self) -> float:
        """The factor of negative x, as a number."""
        alpha: Attribute = self.alpha
        assert isinstance(alpha, FloatAttr)
        return alpha.value.data

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return select(x > 0, x, x * self.slope)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.where(x > 0, x, x * x.dtype.type(self.slope))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Where.of(self.x > 0, dy, dy * self.slope),)


@graph_op
class Elu(Unary):
    """x where it is not negative, exp(x) - 1 elsewhere."""

    name = "graph.elu"
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return select(x < 0, expm1(x), x)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.where(x < 0, np.expm1(x), x)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Where.of(self.y < 0, dy * (self.y + 1), dy),)


@graph_op
class Selu(Unary):
    """The `elu` that normalizes itself: scaled, and steeper for negative x (Klambauer et al., 2017)."""

    name = "graph.selu"
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return select(x < 0, expm1(x) * (SELU_SCALE * SELU_ALPHA), x * SELU_SCALE)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        scale, steep = x.dtype.type(SELU_SCALE), x.dtype.type(SELU_SCALE * SELU_ALPHA)
        return np.where(x < 0, steep * np.expm1(x), scale * x)

    def gradient(self, dy: Tensor) -> GradientTerms:
        steep = dy * (self.y + SELU_SCALE * SELU_ALPHA)
        return (Where.of(self.y < 0, steep, dy * SELU_SCALE),)


@graph_op
class Silu(Unary):
    """x * sigmoid(x), also called swish."""

    name = "graph.silu"
    DTYPES: ClassVar = is_inexact
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return maximum(x, x.like(-FLAT)) * sigmoid(x)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return (x if x.dtype.kind == "c" else np.maximum(x, x.dtype.type(-FLAT))) * sigmoid_of_array(x)

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = conj(self.x) if is_complex(self.x.element_type) else bounded(self.x, FLAT)
        s = Sigmoid.of(x)
        return (dy * (s * (1 + x * (1 - s))),)


@graph_op
class Softsign(Unary):
    """x / (1 + |x|)."""

    name = "graph.softsign"
    DTYPES: ClassVar = is_float

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return x / (1 + absolute(x))

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return x / (x.dtype.type(1) + np.abs(x))

    def gradient(self, dy: Tensor) -> GradientTerms:
        below = 1 + abs(self.x)
        return (dy / below / below,)
