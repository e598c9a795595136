"""Operations that add, drop and reorder axes: expand_dims, squeeze and transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, dims
from pullback.dialects.graph.op.checks import check_axes, check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    GraphOp,
    KeepsRows,
    Properties,
    Rows,
    graph_op,
)
from pullback.dialects.graph.op.indexed import Alias, View
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type


class OnesAt(GraphOp):
    """An operation that adds or removes extents of 1 at `axes`."""

    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axes = prop_def(DenseArrayBase)
    traits = traits_def(Pure(), KeepsRows())

    @classmethod
    def at(cls, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Emits the operation at these axes; returns `x` itself for none."""
        return cls.of(x, axes=integers(axes)) if axes else x


@graph_op
class ExpandDims(OnesAt, View, Alias):
    """The operand with extents of 1 at `axes` of the result."""

    name = "graph.expand_dims"
    EXAMPLES: ClassVar = (
        "%r = graph.expand_dims %v {axes = array<i64: 0, 2>} : (VECTOR) -> tensor<1x3x1xf32>",
    )

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape, axes = list(shape_of_type(operands[0])), integer_list(properties, "axes")
        check_axes(cls.name, axes, operands[0], new=len(axes))
        for axis in axes:
            shape.insert(axis, 1)
        result = tensor_type(element_type_of(operands[0]), shape)
        check_tensor(cls.name, result, "the result")
        return [result]

    def access(self, number: int, result: int = 0) -> AccessMap:
        space = self.iteration_shape()
        return AffineAccess(
            tuple(without(dims(space), integer_list(self.properties, "axes"))), self.shape_of(0), space
        )

    def numpy(self, *operands: Array) -> Any:
        return np.expand_dims(operands[0], tuple(integer_list(self.properties, "axes")))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Reshape.like(dy, Tensor(self._operands[0])),)

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        axes = integer_list(self.properties, "axes")
        return None if 0 in axes else [(Squeeze.at(rows, axes), indices)]


@graph_op
class Squeeze(OnesAt, Composite):
    """The operand without the extents of 1 at `axes`."""

    name = "graph.squeeze"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.squeeze %ones {axes = array<i64: 0, 2>} : (tensor<1x3x1xf32>) -> VECTOR",
    )

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        check_tensor(cls.name, operands[0], "the operand")
        shape, axes = shape_of_type(operands[0]), integer_list(properties, "axes")
        check_axes(cls.name, axes, operands[0])
        for axis in axes:
            if shape[axis] not in (1, DYNAMIC_INDEX):
                raise GraphError(f"{cls.name}: squeeze_c1: axis {axis} of {operands[0]} has not the extent 1")
        return [tensor_type(element_type_of(operands[0]), without(shape, axes))]

    def expand(self) -> Tensor:
        return Reshape.to(Tensor(self._operands[0]), shape_of_type(self.result_types[0]))

    def numpy(self, *operands: Array) -> Any:
        return np.squeeze(operands[0], tuple(integer_list(self.properties, "axes")))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (ExpandDims.at(dy, integer_list(self.properties, "axes")),)

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        axes = integer_list(self.properties, "axes")
        return None if 0 in axes else [(ExpandDims.at(rows, axes), indices)]


T = TypeVar("T")


def without(shape: Sequence[T], axes: Sequence[int]) -> list[T]:
    """The extents, or the coordinates, of the other axes."""
    return [n for axis, n in enumerate(shape) if axis not in axes]


@graph_op
class Transpose(View):
    """The operand with its axes in the order of `permutation`."""

    name = "graph.transpose"
    EXAMPLES: ClassVar = (
        "%r = graph.transpose %x {permutation = array<i64: 1, 0>} : (MATRIX) -> tensor<3x2xf32>",
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    permutation = prop_def(DenseArrayBase)
    traits = traits_def(Pure(), KeepsRows())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape, order = shape_of_type(operands[0]), integer_list(properties, "permutation")
        check_tensor(cls.name, operands[0], "the operand")
        if sorted(order) != list(range(len(shape))):
            raise GraphError(
                f"{cls.name}: permutation_c1: {order} is no order of the {len(shape)} axes of {operands[0]}"
            )
        return [tensor_type(element_type_of(operands[0]), (shape[i] for i in order))]

    @classmethod
    def of(cls, *args: Any, **properties: Attribute) -> Tensor:
        """Emits the transposition; `permutation` defaults to the axes reversed."""
        rank = args[0].as_tensor().ndim
        return super().of(*args, **{"permutation": integers(range(rank)[::-1])} | properties)

    @classmethod
    def ordered(cls, x: Tensor, order: Sequence[int]) -> Tensor:
        """Permutes the axes of `x` into this order; returns `x` itself where they have it."""
        return x if list(order) == list(range(x.ndim)) else cls.of(x, permutation=integers(order))

    @classmethod
    def matrices(cls, x: Tensor) -> Tensor:
        """Exchanges the last two axes of `x`."""
        if x.ndim < 2:
            raise GraphError(f"matrix_transpose: expected at least two axes, got {x.type}")
        return cls.ordered(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])

    @property
    def order(self) -> list[int]:
        return integer_list(self.properties, "permutation")

    def access(self, number: int, result: int = 0) -> AccessMap:
        order, space = self.order, self.iteration_shape()
        point = dims(space)
        return AffineAccess(
            tuple(point[order.index(axis)] for axis in range(len(order))), self.shape_of(0), space
        )

    def numpy(self, *operands: Array) -> Any:
        return np.transpose(operands[0], self.order)

    def gradient(self, dy: Tensor) -> GradientTerms:
        order = self.order
        return (Transpose.ordered(dy, [order.index(i) for i in range(len(order))]),)

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        if self.order[0] != 0:
            return None
        (turned,) = self.gradient(rows)
        return None if turned is None else [(turned, indices)]
