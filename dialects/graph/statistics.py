"""Means over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, bf16, f16, f32
from xdsl.ir import Attribute

from pullback.dialects.graph.axes import OverAxes
from pullback.dialects.graph.base import Array, GradientTerms, graph_op
from pullback.dialects.graph.creation import Constant, Fill
from pullback.dialects.graph.elementwise import Cast
from pullback.dialects.graph.families import Composite
from pullback.dialects.graph.indexing import Gather
from pullback.dialects.graph.reductions import Prod, Sum
from pullback.dialects.graph.shapes import BroadcastTo, ShapeOf
from pullback.dialects.graph.types import is_inexact, numpy_dtype
from pullback.dialects.graph.value import Tensor

ACCUMULATORS: dict[Attribute, Attribute] = {f16: f32, bf16: f32}
"""In what means of these are computed: they can count no further than 65504, or round their counts."""


@graph_op
class Mean(OverAxes, Composite):
    """The arithmetic mean of the elements; NaN of none. Half precision is summed up in f32."""

    name = "graph.mean"
    DTYPES: ClassVar = is_inexact
    EXAMPLES: ClassVar = ("%r = graph.mean %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        kind = self.x.element_type
        wide = numpy_dtype(ACCUMULATORS.get(kind, kind))
        total = np.sum(x, axis=self.reduced, keepdims=self.keeps_dims, dtype=wide)
        count = math.prod(x.shape[axis] for axis in self.reduced)
        return np.divide(total, count, dtype=wide).astype(x.dtype)

    def expand(self) -> Tensor:
        wide = Cast.to(self.x, ACCUMULATORS.get(self.x.element_type, self.x.element_type))
        total = Sum.over(wide, self.reduced, self.keeps_dims)
        return Cast.to(total / element_count(wide, self.reduced), self.x.element_type)

    def gradient(self, dy: Tensor) -> GradientTerms:
        wide = Cast.to(self.spread(dy), ACCUMULATORS.get(dy.element_type, dy.element_type))
        share = Cast.to(wide / element_count(self.x, self.reduced, wide.element_type), dy.element_type)
        return (BroadcastTo.like(share, self.x),)


def element_count(x: Tensor, axes: Sequence[int], element_type: Attribute | None = None) -> Tensor:
    """How many elements lie along these axes together, as a number of this type (of that of `x`, by default)."""
    element_type = x.element_type if element_type is None else element_type
    extents = [x.extents[axis] for axis in axes]
    if DYNAMIC_INDEX not in extents:
        return Fill.scalar(math.prod(extents), element_type)
    chosen = Gather.of(ShapeOf.of(x), Constant.from_array(np.array(axes, np.int64)))
    return Cast.to(Prod.over(chosen), element_type)
