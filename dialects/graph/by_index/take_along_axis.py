"""take_along_axis: a gather of elements along one axis; and its adjoint, a scatter-add.

An index out of range reads zeros and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i1, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, opt_operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import Densify, Gather, MakeSlices
from pullback.dialects.graph.by_index.gather_nd import check_updates
from pullback.dialects.graph.by_index.sequences import Iota, with_room_for
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import LogicalAnd
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.op.checks import check_axis, check_indices, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import scattered
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)


def check_along(op: str, axis: int, indices: Attribute, shape: Sequence[int]) -> None:
    """Checks that the indices have the shape of the tensor, but for the axis that they index."""
    check_indices(op, indices)
    at = list(shape_of_type(indices))
    if len(at) == len(shape):
        at[axis] = shape[axis]
    if not compatible_shapes(at, shape):
        raise GraphError(
            f"{op}: indices_c3: indices {indices} do not fit {format_shape(shape)} beside axis {axis}"
        )


def along(indices: Array, axis: int, extent: int) -> tuple[Array, Array]:
    """Replaces indices out of range along an axis by 0, for NumPy; also returns which of them were in range."""
    inside = (indices >= 0) & (indices < extent)
    return np.where(inside, indices, 0), inside


def element_numbers(indices: Tensor, axis: int, shape: Sequence[int], rank: int | None = None) -> Tensor:
    """Emits the row-major numbers, in a tensor of this shape, of the elements named along an axis; -1 out of range.

    The result has a dim for each axis, with those of `indices` for the last if there are fewer; `rank` of them in all.
    """
    rank = len(shape) if rank is None else rank
    indices = with_room_for(indices, shape[axis])
    element_type = i32 if prod(shape) <= np.iinfo(np.int32).max else i64
    inside = LogicalAnd.of(indices >= 0, indices < shape[axis])
    # What is cast is in range: it fits the type that counts all elements.
    number = Cast.to(Where.of(inside, indices, 0), element_type) * prod(shape[axis + 1 :])
    for a in range(len(shape)):
        if a != axis:
            here = Iota.along(0, tensor_type(element_type, (shape[a],))) * prod(shape[a + 1 :])
            number = number + ExpandDims.at(here, range(1, rank - a))
    return Where.of(inside, number, -1)


@graph_op
class TakeAlongAxis(Composite):
    """One element for each index: `result[i, j, …] = x[i, indices[i, j, …], …]`, for the axis in the middle."""

    name = "graph.take_along_axis"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.take_along_axis %x, %l {axis = 1 : i64} : (MATRIX, tensor<2x4xi32>) -> tensor<2x4xf32>",
    )
    operand = operand_def(AnyAttr())
    indices = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        x, indices = operands
        shape = shape_of_type(x)
        check_along(cls.name, check_axis(cls.name, properties, shape), indices, shape)
        return [tensor_type(element_type_of(x), shape_of_type(indices))]

    @classmethod
    def over(cls, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        """Emits the gather of elements of `x` along this axis."""
        return cls.of(x, indices, axis=IntegerAttr(axis, i64))

    def numpy(self, *operands: Array) -> Any:
        x, indices = operands
        axis = _axis_of(self)
        if x.shape[axis] == 0:
            return np.zeros(indices.shape, x.dtype)
        at, inside = along(indices, axis, x.shape[axis])
        return np.where(inside, np.take_along_axis(x, at, axis), x.dtype.type(0))

    def expand(self) -> Tensor:
        """Gathers elements of the tensor with all axes merged to one."""
        x, indices = (Tensor(v) for v in self._operands)
        elements = Reshape.to(x, (prod(x.extents),))
        return Gather.of(elements, element_numbers(indices, _axis_of(self), x.extents))

    def gradient(self, dy: Tensor) -> GradientTerms:
        x, indices = (Tensor(v) for v in self._operands)
        return AddAlongAxis.like(indices, dy, x, _axis_of(self)), None


@graph_op
class AddAlongAxis(Composite):
    """Zeros with one element added for each index along `axis`: the adjoint of `take_along_axis`."""

    name = "graph.add_along_axis"
    ADDS: ClassVar = slice(1, 2)
    EXAMPLES: ClassVar = (
        "%r = graph.add_along_axis %l, %o {axis = 1 : i64} : (tensor<2x4xi32>, tensor<2x4xf32>) -> MATRIX",
    )
    SHAPE_OPERAND: ClassVar = 2
    indices = operand_def(AnyAttr())
    updates = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @classmethod
    def like(cls, indices: Tensor, updates: Tensor, other: Tensor, axis: int) -> Tensor:
        """Emits the scatter-add into zeros shaped as `other`."""
        return cls.emit_as(
            [indices.value, updates.value, *dynamic_shape(other)],
            tensor_type(updates.element_type, other.extents),
            {"axis": IntegerAttr(axis, i64)},
        )

    def verify_(self) -> None:
        indices, updates = self.operand_types[:2]
        result = self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_shape_operand(self, self._operands[2:], result)
        shape = shape_of_type(result)
        check_along(self.name, check_axis(self.name, self.properties, shape), indices, shape)
        check_updates(self.name, updates, element_type_of(result), shape_of_type(indices))

    def numpy(self, *operands: Array) -> Any:
        indices, updates = operands[:2]
        extents = self.runtime_shape(operands)
        axis = _axis_of(self)
        result = np.zeros(extents, updates.dtype)
        at, inside = along(indices, axis, extents[axis])
        places: list[Any] = [*np.indices(indices.shape)]
        places[axis] = at
        return scattered(result, tuple(p[inside] for p in places), updates[inside])

    def expand(self) -> Tensor | None:
        """Adds elements to a tensor with all axes merged to one; kernels cannot add truth values."""
        indices, updates = (Tensor(v) for v in self._operands[:2])
        shape = shape_of_type(self.result_types[0])
        if updates.element_type == i1:
            return None
        count = prod(indices.extents)
        places = Reshape.to(element_numbers(indices, _axis_of(self), shape), (count,))
        slices = MakeSlices.to(Reshape.to(updates, (count,)), places, (prod(shape),))
        return Reshape.to(Densify.of(slices), shape)

    def gradient(self, dy: Tensor) -> GradientTerms:
        terms = (None, TakeAlongAxis.over(dy, Tensor(self._operands[0]), _axis_of(self)), None)
        return terms[: len(self._operands)]


def _axis_of(op: TakeAlongAxis | AddAlongAxis) -> int:
    assert isinstance(op.axis, IntegerAttr)
    return op.axis.value.data
