"""Broadcasting of several tensors to one shape."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Maximum
from pullback.dialects.graph.movement.shapes import BroadcastTo, ShapeOf
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import broadcast_shapes


def broadcast_together(values: Sequence[Tensor]) -> list[Tensor]:
    """Broadcasts tensors to their common shape; `GraphError` where there is none."""
    shape = reduce(broadcast_shapes, (v.extents for v in values), ())
    runtime = _runtime_shape(values, len(shape)) if DYNAMIC_INDEX in shape else None
    return [
        v if v.extents == shape and runtime is None else BroadcastTo.to(v, shape, runtime=runtime)
        for v in values
    ]


def _runtime_shape(values: Sequence[Tensor], rank: int) -> Tensor:
    """Computes the broadcast shape at run time: the largest extent along each axis, unless one is 0."""
    largest = inhabited = None
    for value in values:
        ones = [Constant.from_array(np.ones(rank - value.ndim, np.int64))] if value.ndim < rank else []
        extents = Concat.of(*ones, ShapeOf.of(value), axis=IntegerAttr(0, i64))
        at_most_one = extents - Maximum.of(extents - 1, 0)
        largest = extents if largest is None else Maximum.of(largest, extents)
        inhabited = at_most_one if inhabited is None else inhabited * at_most_one
    assert largest is not None
    assert inhabited is not None
    return largest * inhabited
