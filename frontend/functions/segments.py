"""Segmented reductions: sums and means of the rows of each segment."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.by_index.gather import Densify, MakeSlices
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Cast, Maximum
from pullback.dialects.graph.movement.shapes import Reshape, ShapeOf, dynamic_shape
from pullback.dialects.graph.movement.split_concat import Concat, Split
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    SlicesType,
    is_static,
    tensor_type,
)
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import is_whole_number
from pullback.frontend.operands.convert import as_tensor

__all__ = ["segment_mean", "segment_sum", "unsorted_segment_sum"]


def segment_sum(data: Operand, segment_ids: Operand, num_segments: int, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment: `result[s] = sum of data[i] where segment_ids[i] == s`.

    Args:
        data: a tensor of rank 1 or more.
        segment_ids: integers, one for each row, in any order; a row whose id is out of range is left out.
        num_segments: how many rows the result has; a segment without rows is zeros.
        name: of the operation.
    """
    values, ids = _checked(data, segment_ids, num_segments, "segment_sum")
    return named_as(name, lambda: _sums(values, ids, num_segments))


unsorted_segment_sum = segment_sum


def segment_mean(data: Operand, segment_ids: Operand, num_segments: int, name: str | None = None) -> Tensor:
    """The mean of the rows of each segment; of none, zeros."""
    values, ids = _checked(data, segment_ids, num_segments, "segment_mean")
    total = _sums(in_accumulator(values), ids, num_segments)
    one = Fill.full(1, tensor_type(total.element_type, ids.extents), *dynamic_shape(ids))
    count = Reshape.to(_sums(one, ids, num_segments), (num_segments, *[1] * (values.ndim - 1)))
    return named_as(name, lambda: Cast.to(total / Maximum.of(count, 1), values.element_type))


def _checked(data: Operand, segment_ids: Operand, count: int, what: str) -> tuple[Tensor, Tensor]:
    values, ids = as_tensor(data, f"{what}: data"), as_tensor(segment_ids, f"{what}: segment_ids")
    if not is_whole_number(count) or count < 0:
        raise ArgumentTypeError(f"{what}: num_segments: expected a whole number from 0 on, got {count!r}")
    if values.ndim == 0 or ids.ndim != 1:
        raise GraphError(
            f"{what}: expected rows and one segment id for each, got data {values.type} and segment_ids {ids.type}"
        )
    return values, ids


def _sums(values: Tensor, ids: Tensor, count: int) -> Tensor:
    """Sums the rows of each segment, by densifying slices whose indices are the segments."""
    data = tensor_type(values.element_type, (count, *values.extents[1:]))
    rows, indices = (tensor_type(t.element_type, t.extents) for t in (values, ids))
    type_ = SlicesType(rows, indices, data)
    operands = [values.value, ids.value]
    if not is_static(data):
        axis = IntegerAttr(0, i64)
        sizes = integers([1, values.ndim - 1])
        row = Split.emit([ShapeOf.of(values).value], {"axis": axis, "sizes": sizes}).results[1]
        operands.append(
            Concat.of(Constant.from_array(np.array([count], np.int64)), Tensor(row), axis=axis).value
        )
    return Densify.of(MakeSlices.emit_as(operands, type_))
