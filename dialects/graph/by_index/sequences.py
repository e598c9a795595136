"""Iota (ranges of integers), and one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, FloatAttr, IntegerAttr, i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, base, operand_def, opt_operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import BroadcastTo
from pullback.dialects.graph.op.checks import check_axis, check_indices, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Composite, OfDtypes, check_dtype
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable, Properties, graph_op
from pullback.dialects.graph.tensor.attributes import is_element, number_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    NUMPY_DTYPES,
    GraphError,
    element_type_of,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)

LARGEST = 2**16
"""The longest range for which kernels use a table of its numbers."""


@graph_op
class Iota(Composite, OfDtypes):
    """0, 1, 2, … along `axis`, repeated along all others; an operand gives the shape where the type has a `?`."""

    name = "graph.iota"
    EXAMPLES: ClassVar = (
        "%r = graph.iota {axis = 1 : i64} : MATRIX",
        "%r = graph.iota %n {axis = 0 : i64} : (tensor<2xi64>) -> tensor<?x3xi32>",
    )
    SHAPE_OPERAND: ClassVar = 0
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def along(cls, axis: int, type_: Attribute, shape: Sequence[SSAValue] = ()) -> Tensor:
        """Emits a tensor of this type that counts along `axis`; `shape` gives the extents that are `?`."""
        made = cls.emit_as(shape, type_, {"axis": IntegerAttr(axis, 64)})
        made.op.verify_()
        return made

    def verify_(self) -> None:
        result = self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_dtype(type(self), element_type_of(result))
        check_shape_operand(self, self._operands, result)
        check_axis(self.name, self.properties, shape_of_type(result))

    def expand(self) -> Tensor | None:
        type_ = self.result_types[0]
        shape = shape_of_type(type_)
        axis = check_axis(self.name, self.properties, shape)
        if shape[axis] > LARGEST:
            return None
        counted = Constant.from_array(np.arange(shape[axis]), element_type_of(type_))
        line = ExpandDims.at(counted, range(1, len(shape) - axis))
        return line if line.extents == shape else BroadcastTo.to(line, shape)

    def numpy(self, *operands: Array) -> Any:
        shape = self.runtime_shape(operands)
        axis = check_axis(self.name, self.properties, shape)
        counted = np.arange(shape[axis]).astype(numpy_dtype(element_type_of(self.result_types[0])))
        return np.broadcast_to(np.expand_dims(counted, tuple(range(1, len(shape) - axis))), shape)


def with_room_for(indices: Tensor, extent: int) -> Tensor:
    """Casts indices of a dtype too short for an extent, which they are compared with, to one that has it."""
    if extent <= np.iinfo(numpy_dtype(indices.element_type)).max:
        return indices
    return Cast.to(indices, i32 if extent <= np.iinfo(np.int32).max else i64)


@graph_op
class OneHot(Composite):
    """One-hot vectors along a new `axis`: `on` at the index that each integer gives, if in range, `off` elsewhere."""

    name = "graph.one_hot"
    EXAMPLES: ClassVar = (
        """%r = graph.one_hot %i {axis = 1 : i64, depth = 3 : i64, on = 1.0 : f32, off = 0.0 : f32}
      : (tensor<4xi32>) -> tensor<4x3xf32>""",
    )
    indices = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    depth = prop_def(base(IntegerAttr))
    on = prop_def(base(FloatAttr) | base(IntegerAttr) | base(ArrayAttr))
    off = prop_def(base(FloatAttr) | base(IntegerAttr) | base(ArrayAttr))
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (indices,) = operands
        check_indices(cls.name, indices)
        depth = properties["depth"]
        assert isinstance(depth, IntegerAttr)
        if depth.value.data < 0:
            raise GraphError(f"{cls.name}: depth_c1: the depth must be 0 or more, got {depth.value.data}")
        shape = shape_of_type(indices)
        axis = check_axis(cls.name, properties, (*shape, 1))
        on, off = properties["on"], properties["off"]
        element_type = next((t for t in NUMPY_DTYPES if is_element(on, t) and is_element(off, t)), None)
        if element_type is None:
            raise GraphError(f"{cls.name}: value_c2: {on} and {off} are no elements of one dtype")
        result = tensor_type(element_type, (*shape[:axis], depth.value.data, *shape[axis:]))
        check_tensor(cls.name, result, "the result")
        return [result]

    def expand(self) -> Tensor | None:
        indices, result = Tensor(self._operands[0]), self.result_types[0]
        axis = check_axis(self.name, self.properties, shape_of_type(result))
        depth, element_type = shape_of_type(result)[axis], element_type_of(result)
        if depth > LARGEST:
            return None
        indices = with_room_for(indices, depth)
        counted = Constant.from_array(np.arange(depth), indices.element_type)
        place = ExpandDims.at(counted, range(1, indices.ndim + 1 - axis))
        index = ExpandDims.at(indices, [axis])
        on, off = (Fill.scalar(number_of(value), element_type) for value in (self.on, self.off))
        return Where.of(index > place, off, Where.of(index < place, off, on))

    def numpy(self, *operands: Array) -> Any:
        (result,) = self.result_types
        axis = check_axis(self.name, self.properties, shape_of_type(result))
        places = np.arange(shape_of_type(result)[axis])
        places = np.expand_dims(places, tuple(range(1, operands[0].ndim + 1 - axis)))
        hit = np.expand_dims(operands[0].astype(np.int64), axis) == places
        return np.where(hit, number_of(self.on), number_of(self.off)).astype(
            numpy_dtype(element_type_of(result))
        )
