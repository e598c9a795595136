"""Slices as terms of one sum: their indices must have one dtype."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i64

from pullback.dialects.graph.elementwise import Cast
from pullback.dialects.graph.indexing import MakeSlices, SliceIndices, SliceValues
from pullback.dialects.graph.shapes import dynamic_shape
from pullback.dialects.graph.types import SlicesType, is_static, shape_of_type, tensor_type
from pullback.dialects.graph.value import Tensor


def with_common_indices(terms: Sequence[Tensor], like: Tensor) -> Sequence[Tensor]:
    """Terms of the gradient of `like`; slices among them have i64 indices if those of any two differ in dtype."""
    dtypes = {t.type.indices_type.element_type for t in terms if isinstance(t.type, SlicesType)}
    return [_with_wide_indices(t, like) for t in terms] if len(dtypes) > 1 else terms


def _with_wide_indices(term: Tensor, like: Tensor) -> Tensor:
    type_ = term.type
    if not isinstance(type_, SlicesType) or type_.indices_type.element_type == i64:
        return term
    indices = Cast.to(SliceIndices.of(term), i64)
    shape = [] if is_static(type_.data_type) else dynamic_shape(like)
    wide = SlicesType(type_.values_type, tensor_type(i64, shape_of_type(type_.indices_type)), type_.data_type)
    return MakeSlices.emit_as([SliceValues.of(term).value, indices.value, *shape], wide)
