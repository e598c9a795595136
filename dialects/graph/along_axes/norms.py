"""The Euclidean norm over axes, without overflow or underflow of the squares."""

from __future__ import annotations

from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.half_precision import rule_in_accumulators
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.arithmetic import DivNoNan
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import LogicalOr
from pullback.dialects.graph.elementwise.exponential import Sqrt
from pullback.dialects.graph.op.families import Composite, is_float
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.tensor.accumulators import TOTALS, summed, widened
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import numpy_dtype

SMALL = 2.0**16
"""Elements of at least this many times the lower scale are squared and summed without loss, unscaled."""


@graph_op
class EuclideanNorm(OverAxes, Composite):
    """The square root of the sum of squares; 0 for no elements. The gradient is x / norm, and 0 where the norm is 0.

    As in `hypot`, elements are divided by the largest magnitude before they are squared.
    """

    name = "graph.euclidean_norm"
    DTYPES: ClassVar = is_float
    EXAMPLES: ClassVar = ("%r = graph.euclidean_norm %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)

    def numpy(self, *operands: Array) -> Any:
        x = widened(operands[0])
        largest = np.max(np.abs(x), axis=self.reduced, keepdims=True, initial=0)
        scale = np.where((largest > 0) & (largest < np.inf), largest, x.dtype.type(1))
        scaled = x / scale
        norm = scale * np.sqrt(summed(scaled * scaled, self.reduced, keepdims=True))
        made = norm.astype(operands[0].dtype, copy=False)
        return made if self.keeps_dims else np.squeeze(made, axis=self.reduced)

    def expand(self) -> Tensor:
        """Decomposes into one pass: squares in f64, which holds those of narrower dtypes.

        For f64 three sums are formed, of elements as they are, scaled up and scaled down: one of them is accurate.
        """
        if (wide := TOTALS.get(self.x.element_type)) is not None:
            return Cast.to(Sqrt.of(self.sum_of_squares(Cast.to(self.x, wide))), self.x.element_type)
        up, down = scales(self.x)
        small, plain, large = (self.sum_of_squares(t) for t in (self.x * up, self.x, self.x * down))
        scaled = Where.of(plain >= np.inf, Sqrt.of(large) * up, Sqrt.of(small) * down)
        return Where.of(LogicalOr.of(plain >= np.inf, plain < SMALL * down), scaled, Sqrt.of(plain))

    def sum_of_squares(self, x: Tensor) -> Tensor:
        """Sums the squares over the axes."""
        return Sum.over(x * x, self.reduced, self.keeps_dims)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        """Divides by the norm: its reciprocal may overflow the dtype."""
        up, down = scales(self.x)
        norm = self.spread(self.y)
        scale = Where.of(
            norm < SMALL * down, up, Where.of(norm > up / SMALL, Fill.scalar(down, norm.element_type), 1)
        )
        return (self.spread(dy) * (self.x * scale * DivNoNan.of(1, norm * scale)),)


def scales(x: Tensor) -> tuple[float, float]:
    """Two powers of two that scale the smallest and the largest numbers of a dtype so that squares are safe."""
    bits = ml_dtypes.finfo(numpy_dtype(x.element_type)).maxexp * 3 // 4
    return 2.0**bits, 2.0**-bits
