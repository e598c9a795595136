"""Slices by begin and size: the block from a place on, along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.slicing import LAST, StridedSlice, StridedSliceGradient
from pullback.dialects.graph.op.checks import check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.attributes import integer_list
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    shape_of_type,
    tensor_type,
)

REST = -1
"""The size of a slice that takes all that remains."""


@graph_op
class Slice(Composite):
    """The block of `size` elements from `begin` on, along each axis; a size of -1 takes all that remain."""

    name = "graph.slice"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        """%r = graph.slice %x {begin = array<i64: 1, 0>, size = array<i64: 1, -1>}
      : (MATRIX) -> tensor<1x3xf32>""",
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    begin = prop_def(DenseArrayBase)
    size = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape = shape_of_type(operands[0])
        check_tensor(cls.name, operands[0], "the operand")
        begin, size = integer_list(properties, "begin"), integer_list(properties, "size")
        if not len(begin) == len(size) == len(shape):
            raise GraphError(
                f"{cls.name}: slice_c4: begin and size must have {len(shape)} numbers, got {begin} and {size}"
            )
        extents = [
            _block(cls.name, *axis) for axis in zip(range(len(shape)), shape, begin, size, strict=True)
        ]
        return [tensor_type(element_type_of(operands[0]), extents)]

    @property
    def slices(self) -> tuple[slice, ...]:
        """The block as a slice of each axis."""
        begin, size = integer_list(self.properties, "begin"), integer_list(self.properties, "size")
        return tuple(slice(b, LAST if n == REST else b + n, 1) for b, n in zip(begin, size, strict=True))

    def expand(self) -> Tensor:
        return StridedSlice.at(Tensor(self._operands[0]), self.slices)

    def numpy(self, *operands: Array) -> Any:
        given = tensor_type(element_type_of(self.operand_types[0]), operands[0].shape)
        type(self).infer(
            [given], self.properties
        )  # the operand's type may not show whether the block is inside
        return operands[0][self.slices]

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (StridedSliceGradient.like(dy, Tensor(self._operands[0]), self.slices),)


def _block(op: str, axis: int, extent: int, begin: int, size: int) -> int:
    """The extent of a block; `GraphError` where it is not inside the axis."""
    last = DYNAMIC_INDEX if extent == DYNAMIC_INDEX else extent - max(size, 0)
    if begin < 0 or size < REST or (last != DYNAMIC_INDEX and begin > last):
        elements = "all elements" if size == REST else f"{size} elements"
        extent_text = "?" if extent == DYNAMIC_INDEX else extent
        raise GraphError(
            f"{op}: slice_c5: axis {axis} of extent {extent_text} has no {elements} from {begin} on"
        )
    if size != REST:
        return size
    return DYNAMIC_INDEX if extent == DYNAMIC_INDEX else extent - begin
