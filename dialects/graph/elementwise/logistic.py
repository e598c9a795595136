"""The logistic function (sigmoid), its logarithm, softplus and logaddexp, in forms that do not overflow."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import IsFinite, LogicalOr, NotEqual
from pullback.dialects.graph.op.families import Binary, Unary
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import absolute, exp, log1p, maximum, minimum, select
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import is_float, is_inexact


def sigmoid(x: Scalar) -> Scalar:
    """1 / (1 + exp(-x)); where exp(-x) overflows, 0."""
    return 1 / (1 + exp(-x))


def sigmoid_of_array(x: Array) -> Any:
    """Computes `sigmoid` of arrays; for complex numbers by the exponential that does not overflow: inf / inf is NaN."""
    one = x.dtype.type(1)
    if x.dtype.kind != "c":
        with np.errstate(over="ignore"):
            return one / (one + np.exp(-x))
    is_right = np.real(x) >= 0
    small = np.exp(np.where(is_right, -x, x))
    return np.where(is_right, one, small) / (one + small)


def log1p_exp(x: Scalar) -> Scalar:
    """log(1 + exp(-|x|))."""
    return log1p(exp(-absolute(x)))


@graph_op
class Sigmoid(Unary):
    """The logistic function, 1 / (1 + exp(-x))."""

    name = "graph.sigmoid"
    DTYPES: ClassVar = is_inexact
    SCALAR: ClassVar = staticmethod(sigmoid)
    EXPENSIVE: ClassVar = True

    def numpy(self, *operands: Array) -> Any:
        return sigmoid_of_array(*operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        y = conj(self.y)
        return (dy * y * (1 - y),)


@graph_op
class LogSigmoid(Unary):
    """The logarithm of the logistic function, -softplus(-x)."""

    name = "graph.log_sigmoid"
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return minimum(x, x.like(0)) - log1p_exp(x)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return -np.logaddexp(-x, x.dtype.type(0))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * Sigmoid.of(-self.x),)


@graph_op
class Softplus(Unary):
    """log(1 + exp(x))."""

    name = "graph.softplus"
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        (x,) = operands
        return maximum(x, x.like(0)) + log1p_exp(x)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.logaddexp(x, x.dtype.type(0))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * Sigmoid.of(self.x),)


def logaddexp(a: Scalar, b: Scalar) -> Scalar:
    """The scalar body of `logaddexp`: max(a, b) + log1p(exp(-|a - b|)); the difference of equal infinities is 0."""
    return maximum(a, b) + log1p_exp(select(a.equal(b), 0, a - b))


@graph_op
class LogAddExp(Binary):
    """log(exp(a) + exp(b)). Each gets its share of the gradient; the same infinity twice has equal shares."""

    name = "graph.logaddexp"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.logaddexp
    SCALAR: ClassVar = staticmethod(logaddexp)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, b = self.a, self.b
        difference = Where.of(LogicalOr.of(IsFinite.of(a), NotEqual.of(a, b)), a - b, 0)
        return dy * Sigmoid.of(difference), dy * Sigmoid.of(-difference)
