"""Softmax, log_softmax and logsumexp, without overflow."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pullback.dialects.graph.along_axes.axis_families import AlongAxis, OverAxes
from pullback.dialects.graph.along_axes.half_precision import rule_in_accumulators
from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import StopGradient, Where
from pullback.dialects.graph.elementwise.comparisons import Equal, IsFinite
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.families import Composite, is_float
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.tensor.accumulators import summed, widened
from pullback.dialects.graph.tensor.tensor import Tensor


def shifted(x: Tensor, axis: int) -> Tensor:
    """Subtracts the largest element along an axis, which leaves the softmax unchanged and prevents overflow."""
    return x - Max.over(x, axis, keepdims=True)


def shifted_array(x: Array, axis: int) -> Array:
    """Computes `shifted` of an array; for half precision in f32."""
    wide = widened(x)
    return wide - np.max(wide, axis=axis, keepdims=True, initial=-np.inf)


def log_softmax_array(x: Array, axis: int) -> Array:
    """Computes the logarithm of the softmax of an array; for half precision in f32."""
    moved = shifted_array(x, axis)
    return moved - np.log(summed(np.exp(moved), axis, keepdims=True))


@graph_op
class Softmax(AlongAxis, Composite):
    """exp(x) over the sum of exp(x) along an axis."""

    name = "graph.softmax"
    DTYPES: ClassVar = is_float
    EXAMPLES: ClassVar = ("%r = graph.softmax %x {axis = 1 : i64} : MATRIX",)

    def numpy(self, *operands: Array) -> Any:
        exponentials = np.exp(shifted_array(operands[0], self.at))
        made = exponentials / summed(exponentials, self.at, keepdims=True)
        return made.astype(operands[0].dtype, copy=False)

    def expand(self) -> Tensor:
        # The sum is at least 1: its reciprocal is as good, and one division for all elements of a line.
        exponentials = Exp.of(shifted(self.x, self.at))
        return exponentials * (1 / Sum.over(exponentials, self.at, keepdims=True))

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        y = self.y
        return ((dy - Sum.over(dy * y, self.at, keepdims=True)) * y,)


@graph_op
class LogSoftmax(AlongAxis, Composite):
    """The logarithm of the softmax along an axis."""

    name = "graph.log_softmax"
    DTYPES: ClassVar = is_float
    EXAMPLES: ClassVar = ("%r = graph.log_softmax %x {axis = 1 : i64} : MATRIX",)

    def numpy(self, *operands: Array) -> Any:
        made = log_softmax_array(operands[0], self.at)
        return made.astype(operands[0].dtype, copy=False)

    def expand(self) -> Tensor:
        x = shifted(self.x, self.at)
        return x - Log.of(Sum.over(Exp.of(x), self.at, keepdims=True))

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy - Sum.over(dy, self.at, keepdims=True) * Exp.of(self.y),)


@graph_op
class LogSumExp(OverAxes, Composite):
    """The logarithm of the sum of exp(x) over axes: -inf for none, or for -inf only; inf where one element is inf.

    The gradient is dy times weights that sum to 1, also where the result is infinite: then equal infinities have equal
    weights, and all other elements 0. `logaddexp` and `cumulative_logsumexp` do the same.
    """

    name = "graph.logsumexp"
    DTYPES: ClassVar = is_float
    EXAMPLES: ClassVar = ("%r = graph.logsumexp %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)

    def numpy(self, *operands: Array) -> Any:
        x = widened(operands[0])
        largest = np.max(x, axis=self.reduced, keepdims=True, initial=-np.inf)
        with np.errstate(invalid="ignore"):
            below = np.where((x == largest) & np.isinf(largest), x.dtype.type(0), x - largest)
        total = summed(np.exp(below), self.reduced, keepdims=True)
        made = (np.log(total) + largest).astype(operands[0].dtype, copy=False)
        return made if self.keeps_dims else np.squeeze(made, axis=self.reduced)

    def expand(self) -> Tensor:
        _, total, largest = self.exponentials()
        return Reshape.to(Log.of(total) + largest, self.y.extents)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        """Uses differences to the largest element: those to the result would be rounded where that is large."""
        exponentials, total, _ = self.exponentials()
        return (self.spread(dy) * (exponentials / total),)

    def exponentials(self) -> tuple[Tensor, Tensor, Tensor]:
        """Computes exp(x - largest), its sum, and the largest element."""
        largest = StopGradient.of(Max.over(self.x, self.reduced, keepdims=True))
        infinite = Where.of(IsFinite.of(largest), Fill.scalar(np.nan, largest.element_type), largest)
        below = Where.of(Equal.of(self.x, infinite), 0, self.x - largest)
        exponentials = Exp.of(below)
        return exponentials, Sum.over(exponentials, self.reduced, keepdims=True), largest
