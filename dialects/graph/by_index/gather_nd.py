"""gather_nd and its adjoint scatter_nd: slices at index rows, read or added.

Gather and scatter are linear, and each other's gradient. As for `gather`, an index out of range reads zeros and writes
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import i1, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import Densify, Gather, MakeSlices
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import LogicalAnd
from pullback.dialects.graph.movement.rearranging import Squeeze
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.op.checks import check_indices, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    Properties,
    graph_op,
)
from pullback.dialects.graph.tensor.accumulators import scattered
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)


def check_nd(op: str, indices: Attribute, shape: Sequence[int]) -> tuple[int, ...]:
    """Infers the shape of the slices of a tensor of this shape, one for each row of the indices."""
    check_indices(op, indices)
    at = shape_of_type(indices)
    if not at or at[-1] < 1:
        raise GraphError(
            f"{op}: indices_c1: the last extent of the indices must be known and above 0, got {indices}"
        )
    if at[-1] > len(shape):
        raise GraphError(f"{op}: indices_c2: {at[-1]} indices a slice, for a tensor of {format_shape(shape)}")
    return (*at[:-1], *shape[at[-1] :])


def within(indices: Array, shape: Sequence[int]) -> tuple[Any, Array]:
    """Converts index rows to NumPy's indices of the leading axes, 0 where out of range; also which are in range."""
    columns = np.moveaxis(indices, -1, 0)
    inside = np.ones(indices.shape[:-1], np.bool_)
    for column, extent in zip(columns, shape, strict=False):
        inside &= (column >= 0) & (column < extent)
    return tuple(np.where(inside, column, 0) for column in columns), inside


def row_numbers(indices: Tensor, shape: Sequence[int]) -> Tensor:
    """Linearises index rows over axes of these extents (row-major); -1 where an index is out of range."""
    element_type = indices.element_type
    if max(math.prod(shape), *shape) > np.iinfo(numpy_dtype(element_type)).max:
        element_type = i64
    number = inside = None
    for i, extent in enumerate(shape):
        slices = [slice(None)] * (indices.ndim - 1) + [slice(i, i + 1)]
        column = Cast.to(Squeeze.at(StridedSlice.at(indices, slices), [indices.ndim - 1]), element_type)
        fits = LogicalAnd.of(column >= 0, column < extent)
        number = column if number is None else number * extent + column
        inside = fits if inside is None else LogicalAnd.of(inside, fits)
    assert number is not None
    assert inside is not None
    return Where.of(inside, number, -1)


def merged(shape: Sequence[int], count: int) -> tuple[int, ...]:
    """Merges the first `count` axes of a shape to one."""
    return (math.prod(shape[:count]), *shape[count:])


@graph_op
class GatherNd(Composite):
    """Slices by index rows: `result[i…] = params[indices[i…, 0], …, indices[i…, k - 1]]`."""

    name = "graph.gather_nd"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.gather_nd %g, %h : (BATCH, tensor<4x2xi32>) -> tensor<4x3xf32>",)
    params = operand_def(AnyAttr())
    indices = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        params, indices = operands
        result = tensor_type(element_type_of(params), check_nd(cls.name, indices, shape_of_type(params)))
        check_tensor(cls.name, result, "the result")
        return [result]

    def numpy(self, *operands: Array) -> Any:
        params, indices = operands
        at, inside = within(indices, params.shape)
        if params.size == 0:
            return np.zeros((*inside.shape, *params.shape[indices.shape[-1] :]), params.dtype)
        found = params[at]
        return np.where(
            inside.reshape(inside.shape + (1,) * (found.ndim - inside.ndim)), found, found.dtype.type(0)
        )

    def expand(self) -> Tensor:
        """Gathers rows of the tensor with its indexed axes merged to one."""
        params, indices = (Tensor(v) for v in self._operands)
        axes = indices.extents[-1]
        rows = Reshape.to(params, merged(params.extents, axes))
        return Gather.of(rows, row_numbers(indices, params.extents[:axes]))

    def gradient(self, dy: Tensor) -> GradientTerms:
        params, indices = (Tensor(v) for v in self._operands)
        if indices.extents[-1] == 1:
            return MakeSlices.rows_of(params, dy, Squeeze.at(indices, [indices.ndim - 1])), None
        return ScatterNd.like(indices, dy, params), None


@graph_op
class ScatterNd(Composite):
    """Zeros with slices added at index rows: `result[indices[i…, 0], …] += updates[i…]`."""

    name = "graph.scatter_nd"
    ADDS: ClassVar = slice(1, 2)
    EXAMPLES: ClassVar = ("%r = graph.scatter_nd %h, %d : (tensor<4x2xi32>, tensor<4x3xf32>) -> BATCH",)
    SHAPE_OPERAND: ClassVar = 2
    indices = operand_def(AnyAttr())
    updates = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def like(cls, indices: Tensor, updates: Tensor, other: Tensor) -> Tensor:
        """Emits the scatter-add into zeros shaped as `other`."""
        return cls.to(indices, updates, other.extents, dynamic_shape(other))

    @classmethod
    def to(
        cls, indices: Tensor, updates: Tensor, shape: Sequence[int], runtime: Sequence[Any] = ()
    ) -> Tensor:
        """Emits the scatter-add into zeros of this shape; `runtime` holds the shape operand where it has a `?`."""
        result = cls.emit_as(
            [indices.value, updates.value, *runtime], tensor_type(updates.element_type, shape)
        )
        result.op.verify_()
        return result

    def verify_(self) -> None:
        indices, updates = self.operand_types[:2]
        result = self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_shape_operand(self, self._operands[2:], result)
        expected = check_nd(self.name, indices, shape_of_type(result))
        check_updates(self.name, updates, element_type_of(result), expected)

    def numpy(self, *operands: Array) -> Any:
        indices, updates = operands[:2]
        extents = self.runtime_shape(operands)
        result = np.zeros(extents, numpy_dtype(element_type_of(self.result_types[0])))
        at, inside = within(indices, extents)
        return scattered(result, tuple(a[inside] for a in at), updates[inside])

    def expand(self) -> Tensor | None:
        """Adds rows to a tensor with its indexed axes merged to one; kernels cannot add truth values."""
        indices, updates = (Tensor(v) for v in self._operands[:2])
        shape = shape_of_type(self.result_types[0])
        axes = indices.extents[-1]
        if updates.element_type == i1:
            return None
        count = math.prod(indices.extents[:-1])
        rows = Reshape.to(row_numbers(indices, shape[:axes]), (count,))
        values = Reshape.to(updates, (count, *shape[axes:]))
        return Reshape.to(Densify.of(MakeSlices.to(values, rows, merged(shape, axes))), shape)

    def gradient(self, dy: Tensor) -> GradientTerms:
        terms = (None, GatherNd.of(dy, Tensor(self._operands[0])), None)
        return terms[: len(self._operands)]


def check_updates(op: str, updates: Attribute, element_type: Attribute, expected: Sequence[int]) -> None:
    """Checks that updates have the type of slices of the tensor that they are scattered into."""
    if element_type_of(updates) != element_type:
        raise GraphError(f"{op}: dtype_c2: updates must have the dtype of the tensor, got {updates}")
    if not compatible_shapes(shape_of_type(updates), expected):
        raise GraphError(f"{op}: updates_c1: updates must be {format_shape(expected)}, got {updates}")
