"""Tensors with slices added or replaced at index rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import MakeSlices, zeros_like
from pullback.dialects.graph.by_index.gather_nd import (
    GatherNd,
    ScatterNd,
    check_nd,
    check_updates,
    merged,
    row_numbers,
    within,
)
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.checks import check_indices, check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    GraphOp,
    NotDifferentiable,
    Properties,
    graph_op,
)
from pullback.dialects.graph.tensor.accumulators import scattered
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    shape_of_type,
    tensor_type,
)


class TensorScatter(GraphOp):
    """An operation that adds or replaces slices of a tensor at index rows."""

    tensor = operand_def(AnyAttr())
    indices = operand_def(AnyAttr())
    updates = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        tensor, indices, updates = operands
        check_tensor(cls.name, tensor, "the tensor")
        check_updates(
            cls.name, updates, element_type_of(tensor), check_nd(cls.name, indices, shape_of_type(tensor))
        )
        return [tensor]


@graph_op
class TensorScatterAdd(TensorScatter, Composite):
    """The tensor with slices added at index rows; slices at equal index rows add up."""

    name = "graph.tensor_scatter_add"
    ADDS: ClassVar = slice(0, 3, 2)
    EXAMPLES: ClassVar = (
        "%r = graph.tensor_scatter_add %g, %h, %d : (BATCH, tensor<4x2xi32>, tensor<4x3xf32>) -> BATCH",
    )

    def numpy(self, *operands: Array) -> Any:
        tensor, indices, updates = operands
        at, inside = within(indices, tensor.shape)
        return scattered(tensor, tuple(a[inside] for a in at), updates[inside])

    def expand(self) -> Tensor | None:
        tensor, indices, updates = (Tensor(v) for v in self._operands)
        if tensor.element_type == i1:
            return None
        return tensor + ScatterNd.to(indices, updates, tensor.extents)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, None, GatherNd.of(dy, Tensor(self._operands[1]))


@graph_op
class TensorScatterUpdate(TensorScatter, Composite):
    """The tensor with slices replaced at index rows; of several slices at equal index rows the last one stays."""

    name = "graph.tensor_scatter_update"
    TAKES: ClassVar = slice(0, 3, 2)
    EXAMPLES: ClassVar = (
        "%r = graph.tensor_scatter_update %g, %h, %d : (BATCH, tensor<4x2xi32>, tensor<4x3xf32>) -> BATCH",
    )

    def numpy(self, *operands: Array) -> Any:
        tensor, indices, updates = operands
        result = tensor.copy()
        at, inside = within(indices, tensor.shape)
        result[tuple(a[inside] for a in at)] = updates[inside]
        return result

    def expand(self) -> Tensor:
        """Replaces rows of the tensor with its indexed axes merged to one."""
        tensor, indices, updates = (Tensor(v) for v in self._operands)
        axes, count = indices.extents[-1], math.prod(indices.extents[:-1])
        rows, shape = Reshape.to(row_numbers(indices, tensor.extents[:axes]), (count,)), tensor.extents
        values = Reshape.to(updates, (count, *shape[axes:]))
        slices = MakeSlices.to(values, rows, merged(shape, axes))
        return Reshape.to(ReplaceRows.of(Reshape.to(tensor, merged(shape, axes)), slices), shape)

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Gives 0 to replaced elements of the tensor, and to updates that a later one replaced."""
        _, indices, updates = (Tensor(v) for v in self._operands)
        kept = TensorScatterUpdate.of(dy, indices, zeros_like(updates))
        stays = IsLast.of(indices)
        mask = ExpandDims.at(stays, range(stays.ndim, updates.ndim))
        return kept, None, Where.of(mask, GatherNd.of(dy, indices), 0)


@graph_op
class IsLast(GraphOp):
    """Whether no later index row is equal to this one, i1."""

    name = "graph.is_last"
    EXAMPLES: ClassVar = ("%r = graph.is_last %h : (tensor<4x2xi32>) -> tensor<4xi1>",)
    indices = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        check_indices(cls.name, operands[0])
        shape = shape_of_type(operands[0])
        if not shape or shape[-1] == 0:
            raise GraphError(f"{cls.name}: indices_c1: the indices must have rows, got {operands[0]}")
        return [tensor_type(i1, shape[:-1])]

    def numpy(self, *operands: Array) -> Any:
        (indices,) = operands
        count = int(np.prod(indices.shape[:-1]))
        rows = indices.reshape(count, indices.shape[-1])[::-1]
        result = np.zeros(count, np.bool_)
        result[count - 1 - np.unique(rows, axis=0, return_index=True)[1]] = True
        return result.reshape(indices.shape[:-1])
