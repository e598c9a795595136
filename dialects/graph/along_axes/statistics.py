"""The mean over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.half_precision import accumulator_of, in_accumulator
from pullback.dialects.graph.along_axes.reductions import Prod, Sum
from pullback.dialects.graph.by_index.extents import extents_of
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.movement.shapes import BroadcastTo
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, graph_op
from pullback.dialects.graph.tensor.accumulators import averaged
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_inexact


@graph_op
class Mean(OverAxes, Composite):
    """The arithmetic mean of the elements; NaN for none. Half precision is summed in f32."""

    name = "graph.mean"
    DTYPES: ClassVar = is_inexact
    EXAMPLES: ClassVar = ("%r = graph.mean %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)

    def numpy(self, *operands: Array) -> Any:
        return averaged(operands[0], self.reduced, self.keeps_dims)

    def expand(self) -> Tensor:
        wide = in_accumulator(self.x)
        total = Sum.over(wide, self.reduced, self.keeps_dims)
        return Cast.to(total / element_count(wide, self.reduced), self.x.element_type)

    def gradient(self, dy: Tensor) -> GradientTerms:
        wide = in_accumulator(self.spread(dy))
        share = Cast.to(wide / element_count(self.x, self.reduced), dy.element_type)
        return (BroadcastTo.like(share, self.x),)


def element_count(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Computes the number of elements over these axes together, in the accumulation dtype of `x`."""
    element_type = accumulator_of(x.element_type)
    extents = [x.extents[axis] for axis in axes]
    if DYNAMIC_INDEX not in extents:
        return Fill.scalar(math.prod(extents), element_type)
    chosen = extents_of(x, axes)
    return Cast.to(Prod.over(chosen), element_type)
