"""Exponentials, logarithms, roots and powers."""

from __future__ import annotations

from math import inf, log
from typing import Any, ClassVar

import numpy as np

from pullback.dialects.graph.elementwise.arithmetic import MulNoNan
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import Equal, LogicalAnd, LogicalOr, NotEqual
from pullback.dialects.graph.op import scalar_functions
from pullback.dialects.graph.op.families import Binary, Unary, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.accumulators import power
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import is_complex, is_inexact


@graph_op
class Exp(Unary):
    """The natural exponential."""

    name = "graph.exp"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.exp
    SCALAR: ClassVar = staticmethod(scalar_functions.exp)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * conj(self.y),)


@graph_op
class Exp2(Unary):
    """2 to the power of x."""

    name = "graph.exp2"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.exp2
    SCALAR: ClassVar = staticmethod(scalar_functions.exp2)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (conj(self.y) * log(2)),)


@graph_op
class Expm1(Unary):
    """exp(x) - 1, exact for small x too."""

    name = "graph.expm1"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.expm1
    SCALAR: ClassVar = staticmethod(scalar_functions.expm1)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * conj(Exp.of(self.x)),)


@graph_op
class Log(Unary):
    """The natural logarithm."""

    name = "graph.log"
    EXAMPLES: ClassVar = ('%r = graph.log %x {device = "/gpu:0"} : MATRIX',)
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.log
    SCALAR: ClassVar = staticmethod(scalar_functions.log)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy / conj(self.x),)


@graph_op
class Log1p(Unary):
    """log(1 + x), exact for small x too."""

    name = "graph.log1p"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.log1p
    SCALAR: ClassVar = staticmethod(scalar_functions.log1p)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy / (1 + conj(self.x)),)


@graph_op
class Log2(Unary):
    """The logarithm to base 2."""

    name = "graph.log2"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.log2
    SCALAR: ClassVar = staticmethod(scalar_functions.log2)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (1 / log(2)) / conj(self.x),)


@graph_op
class Log10(Unary):
    """The logarithm to base 10."""

    name = "graph.log10"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.log10
    SCALAR: ClassVar = staticmethod(scalar_functions.log10)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (1 / log(10)) / conj(self.x),)


@graph_op
class Sqrt(Unary):
    """The square root; its gradient at 0 is infinite."""

    name = "graph.sqrt"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.sqrt
    SCALAR: ClassVar = staticmethod(scalar_functions.sqrt)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * 0.5 / conj(self.y),)


@graph_op
class Rsqrt(Unary):
    """1 / sqrt(x)."""

    name = "graph.rsqrt"
    DTYPES: ClassVar = is_inexact
    SCALAR: ClassVar = staticmethod(scalar_functions.rsqrt)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.reciprocal(np.sqrt(x))

    def gradient(self, dy: Tensor) -> GradientTerms:
        y = conj(self.y)
        return (dy * -0.5 * y * y * y,)


def integer_power(a: Array, b: Array) -> Array:
    """Computes integer powers modulo the width of the dtype, by squaring; truncates 1 / a^-b where b is negative."""
    a, b = (np.array(x) for x in np.broadcast_arrays(a, b))
    result = np.ones_like(a)
    # A negative power is 0, unless a is 1 or -1.
    unit = (a == 1) | (a == -1) if a.dtype.kind == "i" else a == 1
    base, left = np.where((b < 0) & ~unit, 0, a), np.where(b < 0, b & 1, b)
    left = np.where((b < 0) & ~unit, 1, left)
    while np.any(left):
        result = np.where(left & 1, result * base, result)
        base, left = base * base, left >> 1
    return result.astype(a.dtype)


@graph_op
class Pow(Binary):
    """a to the power of b.

    For integers modulo the width of their dtype, and truncated where b is negative: 0, unless a is 1 or -1. The
    gradient with respect to b is 0 where a is not positive (for complex numbers, where a is 0).
    """

    name = "graph.pow"
    DTYPES: ClassVar = numeric
    SCALAR: ClassVar = staticmethod(scalar_functions.power)
    EXPENSIVE: ClassVar = True

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        return integer_power(a, b) if a.dtype.kind in "iu" else power(a, b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Never multiplies infinity by 0, at any order: the terms are 0 for x**0 at 0, and where dy is 0."""
        a, b, y = conj(self.a), conj(self.b), conj(self.y)
        is_base = Equal.of(a, 0) if is_complex(a.element_type) else a <= 0
        logarithm = Log.of(Where.of(is_base, 1, a))
        da = MulNoNan.of(MulNoNan.of(Pow.of(a, b - 1), dy), b)
        return da, MulNoNan.of(MulNoNan.of(logarithm, dy), y)


@graph_op
class Xlogy(Binary):
    """a * log(b), and 0 where a is 0. The gradient by a is log(b) there too, but 0 where that is not finite."""

    name = "graph.xlogy"
    DTYPES: ClassVar = is_inexact
    EXPENSIVE: ClassVar = True

    def body(self, *operands: Scalar) -> Scalar:
        a, b = operands
        return select(a.equal(0), 0, a * scalar_functions.log(b))

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(a == 0, a.dtype.type(0), a * np.log(b))

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, b = conj(self.a), conj(self.b)
        is_finite = NotEqual.of(b, 0) if is_complex(b.element_type) else LogicalAnd.of(b > 0, b < inf)
        counts = LogicalOr.of(NotEqual.of(a, 0), is_finite)
        return dy * Log.of(Where.of(counts, b, 1)), Xdivy.of(dy * a, b)


@graph_op
class Xdivy(Binary):
    """a / b, and 0 where a is 0. The gradient by a is 1 / b there too, but 0 where b is 0."""

    name = "graph.xdivy"
    DTYPES: ClassVar = is_inexact

    def body(self, *operands: Scalar) -> Scalar:
        a, b = operands
        return select(a.equal(0), 0, a / b)

    def numpy(self, *operands: Array) -> Any:
        a, b = operands
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(a == 0, a.dtype.type(0), a / b)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a, b = conj(self.a), conj(self.b)
        counts = LogicalOr.of(NotEqual.of(a, 0), NotEqual.of(b, 0))
        da = Where.of(counts, dy, 0) / Where.of(counts, b, 1)
        return da, Xdivy.of(-dy * conj(self.y), b)
