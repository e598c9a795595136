"""Slices that reach beyond a tensor: what is not there is a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, DenseArrayBase, FloatAttr, IntegerAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.slicing import StridedSlice, StridedSliceGradient
from pullback.dialects.graph.op.access import AccessMap, PaddedAccess, dims
from pullback.dialects.graph.op.checks import check_tensor
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.indexed import View
from pullback.dialects.graph.tensor.attributes import (
    integer_list,
    integers,
    is_element,
    number_of,
    scalar_attribute,
)
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    is_static,
    shape_of_type,
    tensor_type,
)


@graph_op
class PaddedSlice(View):
    """So many elements from `begin` on along each axis, `strides` apart; `value` where the operand has none.

    It is a slice of the operand with a border of `value`, which is not made: loops compare indices instead. A `begin`
    may be negative, and is then before the first element.
    """

    name = "graph.padded_slice"
    TAKES: ClassVar = None
    EXAMPLES: ClassVar = (
        """%r = graph.padded_slice %x {begin = array<i64: -1, 1>, sizes = array<i64: 4, 2>, strides = array<i64: 1, 2>,
      value = 0.0 : f32} : (MATRIX) -> tensor<4x2xf32>""",
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    begin = prop_def(DenseArrayBase)
    sizes = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    value = prop_def(base(FloatAttr) | base(IntegerAttr) | base(ArrayAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (operand,) = operands
        check_tensor(cls.name, operand, "the operand")
        rank = len(shape_of_type(operand))
        begin, sizes, strides = (integer_list(properties, name) for name in ("begin", "sizes", "strides"))
        if not len(begin) == len(sizes) == len(strides) == rank:
            raise GraphError(
                f"{cls.name}: padded_slice_c1: begin, sizes and strides must have {rank} numbers, got "
                f"{[len(begin), len(sizes), len(strides)]}"
            )
        if min(sizes, default=0) < 0 or min(strides, default=1) < 1:
            raise GraphError(
                f"{cls.name}: padded_slice_c2: sizes must be from 0 on, and strides from 1 on, got {sizes} and "
                f"{strides}"
            )
        if not is_static(operand):
            raise GraphError(f"{cls.name}: padded_slice_c3: needs an operand of known extents, got {operand}")
        if not is_element(properties["value"], element_type_of(operand)):
            raise GraphError(
                f"{cls.name}: padded_slice_c4: the value {properties['value']} is no element of {operand}"
            )
        return [tensor_type(element_type_of(operand), sizes)]

    @classmethod
    def at(
        cls, x: Tensor, begin: Sequence[int], sizes: Sequence[int], strides: Sequence[int], value: Number = 0
    ) -> Tensor:
        """Emits the slice: without a border where all its elements exist."""
        ranges = [range(b, b + n * s, s) for b, n, s in zip(begin, sizes, strides, strict=True)]
        if all(not r or (r[0] >= 0 and r[-1] < n) for r, n in zip(ranges, x.extents, strict=True)):
            return StridedSlice.at(x, [slice(r[0], r[-1] + 1, r.step) if r else slice(0) for r in ranges])
        number = scalar_attribute(value, x.element_type)
        return cls.of(
            x, begin=integers(begin), sizes=integers(sizes), strides=integers(strides), value=number
        )

    @property
    def number(self) -> Number:
        """What there is beyond the operand."""
        return number_of(self.value)

    @property
    def ranges(self) -> list[range]:
        """The indices along each axis, some of which the operand may not have."""
        listed = (integer_list(self.properties, name) for name in ("begin", "sizes", "strides"))
        return [range(b, b + n * s, s) for b, n, s in zip(*listed, strict=True)]

    def access(self, number: int, result: int = 0) -> AccessMap:
        space = self.iteration_shape()
        position = tuple(d * r.step + r.start for d, r in zip(dims(space), self.ranges, strict=True))
        return PaddedAccess(position, self.shape_of(0), space, self.number)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        there, existing = self._existing()
        found = np.full(shape_of_type(self.result_types[0]), self.number, x.dtype)
        found[there] = x[existing]
        return found

    def gradient(self, dy: Tensor) -> GradientTerms:
        there, existing = self._existing()
        return (StridedSliceGradient.like(StridedSlice.at(dy, there), Tensor(self._operands[0]), existing),)

    def _existing(self) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """The elements that the operand has: where they are in the result, and in the operand."""
        pairs = [_existing_along(r, n) for r, n in zip(self.ranges, self.shape_of(0), strict=True)]
        return tuple(there for there, _ in pairs), tuple(existing for _, existing in pairs)


def _existing_along(indices: range, extent: int) -> tuple[slice, slice]:
    """The indices along an axis that are in range: their numbers, and themselves."""
    inside = [number for number, index in enumerate(indices) if 0 <= index < extent]
    if not inside:
        return slice(0), slice(0)
    first, last = inside[0], inside[-1]
    return slice(first, last + 1), slice(indices[first], indices[last] + 1, indices.step)
