"""The error function, its complement, and the activation function `gelu`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import UnitAttr
from xdsl.irdl import opt_prop_def

from pullback.dialects.graph.elementwise.arithmetic import bounded
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.op import scalar_functions
from pullback.dialects.graph.op.families import Unary
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.op.oracles import by_element, in_double
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_float

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
ROOT_HALF = math.sqrt(0.5)
# Hendrycks and Gimpel, Gaussian Error Linear Units, 2016: the approximation of the normal distribution by tanh.
GELU_SCALE = math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715
FLAT = 40.0
"""Beyond this magnitude the functions below, and their derivatives, are constant or linear in every dtype."""


@graph_op
class Erf(Unary):
    """The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

    name = "graph.erf"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = staticmethod(by_element(math.erf))
    SCALAR: ClassVar = staticmethod(scalar_functions.erf)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = bounded(self.x, FLAT)
        return (dy * (TWO_OVER_ROOT_PI * Exp.of(-(x * x))),)


@graph_op
class Erfc(Unary):
    """1 - erf(x), exact for large x too."""

    name = "graph.erfc"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = staticmethod(by_element(math.erfc))
    SCALAR: ClassVar = staticmethod(scalar_functions.erfc)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = bounded(self.x, FLAT)
        return (dy * (-TWO_OVER_ROOT_PI * Exp.of(-(x * x))),)


@graph_op
class Gelu(Unary):
    """x times the normal cumulative distribution at x, or its approximation by tanh where `approximate` is set."""

    name = "graph.gelu"
    EXAMPLES: ClassVar = ("%r = graph.gelu %x : MATRIX", "%r = graph.gelu %x {approximate} : MATRIX")
    DTYPES: ClassVar = is_float
    EXPENSIVE: ClassVar = True
    approximate = opt_prop_def(UnitAttr)

    @classmethod
    def gated(cls, x: Tensor, approximate: bool) -> Tensor:
        """Emits `gelu`, exact or approximated by tanh."""
        return cls.of(x, **flag(approximate, "approximate"))

    def body(self, *operands: Scalar) -> Scalar:
        # As `bounded` in the gradient, so that both compute the same tanh or erfc: it is computed once in one kernel.
        (whole,) = operands
        x = scalar_functions.maximum(scalar_functions.minimum(whole, whole.like(FLAT)), whole.like(-FLAT))
        half = scalar_functions.maximum(whole, whole.like(-FLAT)) * 0.5
        if self.approximate is not None:
            return half * (1 + scalar_functions.tanh(x * (x * x * GELU_CUBIC + 1) * GELU_SCALE))
        return half * scalar_functions.erfc(x * -ROOT_HALF)

    def numpy(self, *operands: Array) -> Any:
        return in_double(_gelu_by_tanh if self.approximate is not None else _gelu)(*operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        x = bounded(self.x, FLAT)
        if self.approximate is None:
            probability = 0.5 * Erfc.of(x * -ROOT_HALF)
            density = GELU_SCALE / 2 * Exp.of(-0.5 * (x * x))
            return (dy * (probability + x * density),)
        t = Tanh.of(x * (x * x * GELU_CUBIC + 1) * GELU_SCALE)
        slope = (x * x * (3 * GELU_CUBIC) + 1) * GELU_SCALE
        return (dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope),)


def _gelu(x: Array) -> Any:
    return np.maximum(x, -FLAT) * 0.5 * by_element(math.erfc)(-x * ROOT_HALF)


def _gelu_by_tanh(x: Array) -> Any:
    return np.maximum(x, -FLAT) * 0.5 * (1 + np.tanh(GELU_SCALE * (x + GELU_CUBIC * x**3)))
