"""Slices whose begin is computed at run time: reads outside of the tensor give zeros, writes outside are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import Gather, MakeSlices, zeros_like
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.by_index.sequences import Iota
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Cast, Maximum, Where
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape, flattened
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.op.checks import (
    check_indices,
    check_same_dtype,
    check_shape_operand,
    check_tensor,
)
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, compatible_shapes, shape_of_type, tensor_type


def _check_begin(op: str, begin: Attribute, data: Attribute) -> None:
    rank = len(shape_of_type(data))
    check_indices(op, begin)
    if not compatible_shapes(shape_of_type(begin), (rank,)):
        raise GraphError(f"{op}: slice_c6: begin must hold {rank} numbers for {data}, got {begin}")


def _overlap(
    begin: Array, window: Sequence[int], extents: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Intersects a window at `begin` with a tensor: the common part as slices of the tensor, and of the window."""
    starts = [int(b) for b in begin]
    inside = [
        (min(max(b, 0), n), min(max(b + w, 0), n)) for b, w, n in zip(starts, window, extents, strict=True)
    ]
    own = [slice(low - b, high - b) for (low, high), b in zip(inside, starts, strict=True)]
    empty = any(low >= high for low, high in inside)
    if empty:
        nothing = (slice(0, 0),) * len(starts)
        return nothing, nothing
    return tuple(slice(*bounds) for bounds in inside), tuple(own)


def _places(begin: Tensor, window: Sequence[int], extents: Sequence[int]) -> Tensor:
    """Computes the row-major index, in a tensor of these extents, of each element of a window; negative outside."""
    size, begin = prod(extents), Cast.to(begin, i64)
    element_type = i32 if size * (len(extents) + 1) < 2**31 else i64
    outside = -max(size, 1)
    total = Fill.scalar(0, element_type)
    for axis, (n, extent) in enumerate(zip(window, extents, strict=True)):
        # Clipped: a window that is further away than just outside has no element inside either.
        first = Maximum.of(StridedSlice.at(begin, [slice(axis, axis + 1)]), -n)
        first = Cast.to(Where.of(first > extent, extent, first), element_type)
        place = first + Iota.along(0, tensor_type(element_type, (n,)))
        number = place * prod(extents[axis + 1 :])
        line = Where.of(place < 0, outside, Where.of(place > extent - 1, outside, number))
        total = total + ExpandDims.at(line, range(1, len(window) - axis))
    return total


@graph_op
class DynamicSlice(Composite):
    """The window of the result's shape at `begin`, an operand; zeros where it is outside of the first operand."""

    name = "graph.dynamic_slice"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.dynamic_slice %x, %j : (MATRIX, tensor<2xi32>) -> tensor<1x2xf32>",
        """%r = graph.dynamic_slice %y, %j, %n
      : (tensor<?x3xf32>, tensor<2xi32>, tensor<2xi64>) -> tensor<?x2xf32>""",
    )
    SHAPE_OPERAND: ClassVar = 2
    operand = operand_def(AnyAttr())
    begin = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def window(cls, x: Tensor, begin: Tensor, size: Sequence[int], shape: Sequence[SSAValue] = ()) -> Tensor:
        """Emits the slice of `x` from `begin` on; `shape` gives the extents that are `?` in `size`."""
        made = cls.emit_as([x.value, begin.value, *shape], tensor_type(x.element_type, size))
        made.op.verify_()
        return made

    def verify_(self) -> None:
        operand, begin = self.operand_types[:2]
        result = self.result_types[0]
        check_tensor(self.name, operand, "the operand")
        check_shape_operand(self, self._operands[2:], result)
        _check_begin(self.name, begin, operand)
        check_same_dtype(self.name, operand, result)
        if len(shape_of_type(operand)) != len(shape_of_type(result)):
            raise GraphError(f"{self.name}: slice_c7: ranks differ: {operand} and {result}")

    def expand(self) -> Tensor:
        x, begin = (Tensor(v) for v in self._operands[:2])
        return Gather.of(flattened(x), _places(begin, shape_of_type(self.result_types[0]), x.extents))

    def numpy(self, *operands: Array) -> Any:
        x, begin = operands[:2]
        result = np.zeros(self.runtime_shape(operands), x.dtype)
        inside, own = _overlap(begin, result.shape, x.shape)
        result[own] = x[inside]
        return result

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, begin = (Tensor(v) for v in self._operands[:2])
        return (DynamicUpdateSlice.of(zeros_like(x), dy, begin), *[None] * (len(self._operands) - 1))


@graph_op
class DynamicUpdateSlice(Composite):
    """The operand with its elements from `begin` on replaced by `update`; elements outside are dropped."""

    name = "graph.dynamic_update_slice"
    TAKES: ClassVar = slice(2)
    EXAMPLES: ClassVar = (
        """%r = graph.dynamic_update_slice %d, %x, %j
      : (tensor<4x3xf32>, MATRIX, tensor<2xi32>) -> tensor<4x3xf32>""",
    )
    operand = operand_def(AnyAttr())
    update = operand_def(AnyAttr())
    begin = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        operand, update, begin = operands
        check_tensor(cls.name, operand, "the operand")
        _check_begin(cls.name, begin, operand)
        check_same_dtype(cls.name, operand, update)
        if len(shape_of_type(operand)) != len(shape_of_type(update)):
            raise GraphError(f"{cls.name}: slice_c7: ranks differ: {operand} and {update}")
        return [operand]

    def expand(self) -> Tensor:
        x, update, begin = (Tensor(v) for v in self._operands)
        flat, places = flattened(x), flattened(_places(begin, update.extents, x.extents))
        changed = ReplaceRows.of(flat, MakeSlices.make(flattened(update), places, flat))
        return Reshape.like(changed, x)

    def numpy(self, *operands: Array) -> Any:
        x, update, begin = operands
        result = x.copy()
        inside, own = _overlap(begin, update.shape, x.shape)
        result[inside] = update[own]
        return result

    def gradient(self, dy: Tensor) -> GradientTerms:
        _, update, begin = (Tensor(v) for v in self._operands)
        outside = DynamicUpdateSlice.of(dy, zeros_like(update), begin)
        return outside, DynamicSlice.window(dy, begin, update.extents, dynamic_shape(update)), None
