"""Replacement of rows of a tensor (`replace_rows`), and the distinct elements of indices (`unique`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import (
    Gather,
    MakeSlices,
    SliceIndices,
    SlicesValue,
    SliceValues,
    zeros_like,
)
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import Greater
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    GraphOp,
    NotDifferentiable,
    Properties,
    graph_op,
)
from pullback.dialects.graph.op.indexed import Scatter
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    SlicesType,
    compatible_types,
    element_type_of,
    shape_of_type,
)


def replace_rows(target: Array, slices: SlicesValue) -> None:
    """Replaces rows of an array in place by slices; the last of several rows at one index stays."""
    inside = (slices.indices >= 0) & (slices.indices < target.shape[0])
    target[slices.indices[inside]] = slices.values[inside]


@graph_op
class ReplaceRows(Scatter):
    """The first operand with rows replaced by those of slices; the last of several rows at one index stays."""

    name = "graph.replace_rows"
    TAKES: ClassVar = slice(2)
    BASE: ClassVar = 0
    SLICES: ClassVar = 1
    ADDS_UP: ClassVar = False
    EXAMPLES: ClassVar = ("%r = graph.replace_rows %x, %p : (MATRIX, SLICES) -> MATRIX",)
    base = operand_def(AnyAttr())
    slices = operand_def(SlicesType)
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        base, slices = operands
        if not isinstance(slices, SlicesType):
            raise GraphError(f"{cls.name}: slices_c5: needs slices, got {slices}")
        if not compatible_types(slices.data_type, base):
            raise GraphError(f"{cls.name}: slices_c8: these are no rows of the base: {base} and {slices}")
        return [base]

    def numpy(self, *operands: Any) -> Any:
        base, slices = operands
        result = base.copy()
        replace_rows(result, slices)
        return result

    def gradient(self, dy: Tensor) -> GradientTerms:
        slices = Tensor(self.slices)
        rows, indices = SliceValues.of(slices), SliceIndices.of(slices)
        rest = ReplaceRows.of(dy, MakeSlices.make(zeros_like(rows), indices, dy))
        (count,) = indices.extents
        if count == DYNAMIC_INDEX:
            raise GraphError(
                f"{self.name} has a gradient only where the number of rows is known, got {slices.type}"
            )
        # A row that a later one replaced does not reach the result.
        numbers = Constant.from_array(np.arange(count, dtype=np.int32))
        places = Cast.to(Unique.over(indices)[1], numbers.element_type)
        last = Gather.of(
            ReplaceRows.of(zeros_like(numbers), MakeSlices.make(numbers, places, numbers)), places
        )
        is_replaced = Reshape.to(Greater.of(last, numbers), (count, *[1] * (rows.ndim - 1)))
        return rest, Where.of(is_replaced, zeros_like(rows), Gather.of(dy, indices))


@graph_op
class Unique(GraphOp):
    """The distinct elements of a list of integers, and the index among them of each element of the list.

    Distinct elements are in the order of their first occurrence. As there may be as many as the list has, the first
    result is as long as the list, padded with -1 (which is the index of no row).
    """

    name = "graph.unique"
    EXAMPLES: ClassVar = ("%r:2 = graph.unique %i : (tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>)",)
    operand = operand_def(AnyAttr())
    distinct = result_def(AnyAttr())
    places = result_def(AnyAttr())
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def over(cls, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Emits both results for indices of any integer dtype; narrow ones are widened, to hold every index and -1."""
        wide = indices if indices.element_type in (i32, i64) else Cast.to(indices, i32)
        distinct, places = cls.emit([wide.value]).results
        return Tensor(distinct), Tensor(places)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        if len(shape_of_type(type_)) != 1:
            raise GraphError(f"{cls.name}: rank_c4: the operand must have rank 1, got {type_}")
        if element_type_of(type_) not in (i32, i64):
            raise GraphError(f"{cls.name}: dtype_c5: the operand must hold i32 or i64, got {type_}")
        return [type_, type_]

    def numpy(self, *operands: Array) -> Any:
        (elements,) = operands
        found, first, places = np.unique(elements, return_index=True, return_inverse=True)
        order = np.argsort(first)
        distinct = np.full_like(elements, -1)
        distinct[: len(found)] = found[order]
        rank = np.empty_like(elements, shape=len(found))
        rank[order] = np.arange(len(found))
        return distinct, rank[places]
