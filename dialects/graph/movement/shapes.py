"""Shapes: reshape, broadcast and its adjoint, and the shape or size of a tensor as a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, i1, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.op.access import AccessMap, RowMajorAccess, broadcast
from pullback.dialects.graph.op.checks import check_same_dtype, check_shape_operand, check_tensor
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    GraphOp,
    KeepsRows,
    NotDifferentiable,
    Properties,
    Rows,
    graph_op,
)
from pullback.dialects.graph.op.indexed import Alias, View
from pullback.dialects.graph.tensor.accumulators import summed
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    broadcast_shapes,
    compatible_shapes,
    element_type_of,
    format_shape,
    is_static,
    shape_of_type,
    tensor_type,
)

# ---- shapes as values ---------------------------------------------------------------------------------------


@graph_op
class ShapeOf(GraphOp):
    """The extents of a tensor, i64."""

    name = "graph.shape_of"
    EXAMPLES: ClassVar = ("%r = graph.shape_of %y : (tensor<?x3xf32>) -> tensor<2xi64>",)
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return [tensor_type(i64, (len(shape_of_type(operands[0])),))]

    def numpy(self, *operands: Array) -> Any:
        return np.array(operands[0].shape, np.int64)


@graph_op
class Size(GraphOp):
    """The number of elements of a tensor, i64."""

    name = "graph.size"
    EXAMPLES: ClassVar = ("%r = graph.size %y : (tensor<?x3xf32>) -> tensor<i64>",)
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape_of_type(operands[0])
        return [tensor_type(i64, ())]

    def numpy(self, *operands: Array) -> Any:
        return np.array(operands[0].size, np.int64)


def dynamic_shape(like: Tensor) -> list[SSAValue]:
    """Makes the shape operand for a result shaped as `like`: none if its type is static."""
    return [] if is_static(like.type) else [ShapeOf.of(like).value]


class Reshaping(GraphOp):
    """An operation that changes the shape to the result type's; a shape operand gives the extents that are `?`."""

    SHAPE_OPERAND: ClassVar = 1
    operand = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @classmethod
    def like(cls, x: Tensor, other: Tensor) -> Tensor:
        """Changes `x` to the shape of `other`; returns `x` itself where the types show that it has it."""
        if x.extents == other.extents and is_static(x.type):
            return x
        return cls.emit_as([x.value, *dynamic_shape(other)], tensor_type(x.element_type, other.extents))

    @classmethod
    def to(cls, x: Tensor, shape: Sequence[int], *, runtime: Tensor | None = None) -> Tensor:
        """Changes `x` to this shape; `runtime` gives the extents (i64) where `shape` has `DYNAMIC_INDEX`."""
        operands = [x.value] if runtime is None else [x.value, runtime.value]
        op = cls.emit_as(operands, tensor_type(x.element_type, shape))
        op.op.verify_()
        return op

    def verify_(self) -> None:
        source, result = self.operand_types[0], self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_same_dtype(self.name, source, result)
        self.check_extents(shape_of_type(source), shape_of_type(result))

    def check_extents(self, source: tuple[int, ...], result: tuple[int, ...]) -> None:
        raise NotImplementedError

    def target(self, operands: Sequence[Array]) -> tuple[int, ...]:
        """The result's extents at run time (-1 for the one that follows from the others)."""
        return tuple(-1 if n == DYNAMIC_INDEX else n for n in self.runtime_shape(operands))

    def gradient(self, dy: Tensor) -> GradientTerms:
        raise NotImplementedError


@graph_op
class Reshape(Reshaping, View, Alias):
    """The same elements in row-major order with another shape; a single `?` follows from the other extents."""

    name = "graph.reshape"
    EXAMPLES: ClassVar = (
        "%r = graph.reshape %x : (MATRIX) -> tensor<6xf32>",
        "%r = graph.reshape %y, %n : (tensor<?x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>",
    )
    traits = traits_def(Pure(), KeepsRows())

    def check_extents(self, source: tuple[int, ...], result: tuple[int, ...]) -> None:
        if len(self._operands) == 1 and result.count(DYNAMIC_INDEX) > 1:
            raise GraphError(f"{self.name}: shape_c1: {format_shape(result)} needs a shape operand")
        if len(self._operands) == 2:
            check_shape_operand(self, self._operands[1:], self.result_types[0])
        if DYNAMIC_INDEX not in (*source, *result) and math.prod(source) != math.prod(result):
            raise GraphError(
                f"{self.name}: shape_c3: {format_shape(source)} has {math.prod(source)} elements, "
                f"{format_shape(result)} has {math.prod(result)}"
            )

    def access(self, number: int, result: int = 0) -> AccessMap | None:
        return None if number else RowMajorAccess(self.shape_of(0), self.iteration_shape())

    def numpy(self, *operands: Array) -> Any:
        return operands[0].reshape(self.target(operands))

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (Reshape.like(dy, self.x), *[None] * (len(self._operands) - 1))

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        source = self.x.extents
        if not rows_survive(source, shape_of_type(self.result_types[0])):
            return None
        shaped = Reshape.to(rows, (rows.extents[0], *source[1:]))
        return ((shaped, indices), *[None] * (len(self._operands) - 1))


def rows_survive(source: Sequence[int], result: Sequence[int]) -> bool:
    """Tells whether a reshape keeps the first axis, so that rows stay rows, as far as the types show."""
    if not source or not result or DYNAMIC_INDEX in (*source[1:], *result[1:]):
        return False
    return math.prod(source[1:]) == math.prod(result[1:]) > 0


def flattened(x: Tensor) -> Tensor:
    """Flattens to the elements in row-major order; returns `x` itself if it has one axis."""
    count = math.prod(x.extents) if is_static(x.type) else DYNAMIC_INDEX
    return x if x.ndim == 1 else Reshape.to(x, (count,))


@graph_op
class BroadcastTo(Reshaping, View):
    """The operand repeated along new leading axes and along extents of 1."""

    name = "graph.broadcast_to"
    EXAMPLES: ClassVar = ("%r = graph.broadcast_to %v : (VECTOR) -> MATRIX",)

    def check_extents(self, source: tuple[int, ...], result: tuple[int, ...]) -> None:
        check_shape_operand(self, self._operands[1:], self.result_types[0])
        try:
            fits = compatible_shapes(broadcast_shapes(source, result), result)
        except GraphError:
            fits = False
        if not fits:
            raise GraphError(
                f"{self.name}: broadcast_c2: {format_shape(source)} does not broadcast to {format_shape(result)}"
            )

    def access(self, number: int, result: int = 0) -> AccessMap | None:
        return None if number else broadcast(self.shape_of(0), self.iteration_shape())

    def numpy(self, *operands: Array) -> Any:
        return np.broadcast_to(operands[0], self.target(operands))

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (SumTo.like(dy, self.x), *[None] * (len(self._operands) - 1))


@graph_op
class SumTo(Reshaping):
    """The sum over the axes along which broadcasting repeats: the adjoint of `broadcast_to`."""

    name = "graph.sum_to"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.sum_to %x : (MATRIX) -> tensor<1x3xf32>",)

    def check_extents(self, source: tuple[int, ...], result: tuple[int, ...]) -> None:
        check_shape_operand(self, self._operands[1:], self.result_types[0])
        if element_type_of(self.result_types[0]) == i1:
            raise GraphError(f"{self.name}: dtype_c1: needs a numeric dtype, got i1: cast the operand first")
        try:
            fits = compatible_shapes(broadcast_shapes(source, result), source)
        except GraphError:
            fits = False
        if not fits:
            raise GraphError(
                f"{self.name}: broadcast_c2: {format_shape(result)} does not broadcast to {format_shape(source)}"
            )

    def numpy(self, *operands: Array) -> Any:
        x, target = operands[0], self.target(operands)
        new = x.ndim - len(target)
        repeated = [i + new for i, n in enumerate(target) if n == 1 and x.shape[i + new] != 1]
        return summed(x, (*range(new), *repeated), keepdims=True).reshape(target)

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (BroadcastTo.like(dy, self.x), *[None] * (len(self._operands) - 1))
