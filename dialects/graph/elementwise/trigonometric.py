"""Trigonometric and hyperbolic functions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pullback.dialects.graph.elementwise.arithmetic import Hypot, finite
from pullback.dialects.graph.elementwise.exponential import Rsqrt, Sqrt
from pullback.dialects.graph.op import scalar_functions
from pullback.dialects.graph.op.families import Binary, Unary
from pullback.dialects.graph.op.graph_op import GradientTerms, graph_op
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import is_complex, is_float, is_inexact


@graph_op
class Sin(Unary):
    """The sine of an angle in radians."""

    name = "graph.sin"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.sin
    SCALAR: ClassVar = staticmethod(scalar_functions.sin)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * conj(Cos.of(self.x)),)


@graph_op
class Cos(Unary):
    """The cosine of an angle in radians."""

    name = "graph.cos"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.cos
    SCALAR: ClassVar = staticmethod(scalar_functions.cos)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (-dy * conj(Sin.of(self.x)),)


@graph_op
class Tan(Unary):
    """The tangent of an angle in radians."""

    name = "graph.tan"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.tan
    SCALAR: ClassVar = staticmethod(scalar_functions.tan)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        y = conj(self.y)
        return (dy + dy * y * y,)


@graph_op
class Asin(Unary):
    """The angle, from -pi / 2 to pi / 2, whose sine is x."""

    name = "graph.asin"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.arcsin
    SCALAR: ClassVar = staticmethod(scalar_functions.asin)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = conj(self.x)
        return (dy * Rsqrt.of(1 - x * x),)


@graph_op
class Acos(Unary):
    """The angle, from 0 to pi, whose cosine is x."""

    name = "graph.acos"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.arccos
    SCALAR: ClassVar = staticmethod(scalar_functions.acos)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = conj(self.x)
        return (-dy * Rsqrt.of(1 - x * x),)


@graph_op
class Atan(Unary):
    """The angle, from -pi / 2 to pi / 2, whose tangent is x."""

    name = "graph.atan"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.arctan
    SCALAR: ClassVar = staticmethod(scalar_functions.atan)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Computes 1 / (1 + x^2), although x^2 may overflow."""
        x = conj(self.x)
        if is_complex(x.element_type):
            return (dy / (1 + 1j * x) / (1 - 1j * x),)
        radius = Hypot.of(finite(x), 1)
        return (dy / radius / radius,)


@graph_op
class Atan2(Binary):
    """The angle, from -pi to pi, of the point whose ordinate is a and whose abscissa is b."""

    name = "graph.atan2"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.arctan2
    SCALAR: ClassVar = staticmethod(scalar_functions.atan2)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        radius = Hypot.of(self.a, self.b)
        scaled = dy / radius
        return scaled * (self.b / radius), -(scaled * (self.a / radius))


# ---- hyperbolic ---------------------------------------------------------------------------------------------


@graph_op
class Sinh(Unary):
    """Hyperbolic sine."""

    name = "graph.sinh"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.sinh
    SCALAR: ClassVar = staticmethod(scalar_functions.sinh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * conj(Cosh.of(self.x)),)


@graph_op
class Cosh(Unary):
    """Hyperbolic cosine."""

    name = "graph.cosh"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.cosh
    SCALAR: ClassVar = staticmethod(scalar_functions.cosh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * conj(Sinh.of(self.x)),)


@graph_op
class Tanh(Unary):
    """Hyperbolic tangent."""

    name = "graph.tanh"
    EXAMPLES: ClassVar = ("%r = graph.tanh %y : tensor<?x3xf32>",)
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.tanh
    SCALAR: ClassVar = staticmethod(scalar_functions.tanh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        y = conj(self.y)
        return (dy * (1 - y * y),)


@graph_op
class Asinh(Unary):
    """Inverse hyperbolic sine."""

    name = "graph.asinh"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.arcsinh
    SCALAR: ClassVar = staticmethod(scalar_functions.asinh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Computes 1 / sqrt(1 + x^2), although x^2 may overflow; for complex numbers on the branch of the result."""
        if is_complex(self.x.element_type):
            return (dy / conj(Cosh.of(self.y)),)
        return (dy / Hypot.of(finite(self.x), 1),)


@graph_op
class Acosh(Unary):
    """Inverse hyperbolic cosine, not negative; NaN below 1."""

    name = "graph.acosh"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.arccosh
    SCALAR: ClassVar = staticmethod(scalar_functions.acosh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Computes 1 / sqrt(x^2 - 1), in factors that do not overflow."""
        x = conj(finite(self.x))
        return (dy / Sqrt.of(x - 1) / Sqrt.of(x + 1),)


@graph_op
class Atanh(Unary):
    """Inverse hyperbolic tangent; NaN beyond 1."""

    name = "graph.atanh"
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.arctanh
    SCALAR: ClassVar = staticmethod(scalar_functions.atanh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = conj(self.x)
        return (dy / (1 - x * x),)
