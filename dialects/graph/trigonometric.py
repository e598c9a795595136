"""Trigonometric and hyperbolic functions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pullback.dialects.graph import scalar
from pullback.dialects.graph.base import GradientTerms, graph_op
from pullback.dialects.graph.families import Unary
from pullback.dialects.graph.types import is_inexact
from pullback.dialects.graph.value import Tensor, conj


@graph_op
class Tanh(Unary):
    """Hyperbolic tangent."""

    name = "graph.tanh"
    EXAMPLES: ClassVar = ("%r = graph.tanh %y : tensor<?x3xf32>",)
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.tanh
    SCALAR: ClassVar = staticmethod(scalar.tanh)
    EXPENSIVE: ClassVar = True

    def gradient(self, dy: Tensor) -> GradientTerms:
        y = conj(self.y)
        return (dy * (1 - y * y),)
