"""Sorting along the last axis: argsort, top_k, and binary search in sorted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, UnitAttr, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.stable_order import stable_order
from pullback.dialects.graph.by_index.take_along_axis import AddAlongAxis
from pullback.dialects.graph.op.checks import check_operand_dtypes, check_tensor
from pullback.dialects.graph.op.families import OfDtypes, check_dtype, real_numeric, real_or_truth
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, NotDifferentiable, Properties, graph_op
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type


class AlongLast(OfDtypes):
    """An operation that orders real numbers or truth values along the last axis."""

    DTYPES: ClassVar = real_or_truth
    operand = operand_def(AnyAttr())

    @classmethod
    def check(cls, operand: Attribute) -> tuple[int, ...]:
        """Checks the operand, and returns its shape."""
        check_tensor(cls.name, operand, "the operand")
        check_dtype(cls, element_type_of(operand))
        shape = shape_of_type(operand)
        if not shape:
            raise GraphError(f"{cls.name}: rank_c3: the operand must have at least rank 1, got {operand}")
        return shape


@graph_op
class ArgSort(AlongLast):
    """The indices that sort along the last axis, i64: ascending, NaN last; equal elements keep their order."""

    name = "graph.argsort"
    EXAMPLES: ClassVar = ("%r = graph.argsort %x {descending} : (MATRIX) -> tensor<2x3xi64>",)
    result = result_def(AnyAttr())
    descending = opt_prop_def(UnitAttr)
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return [tensor_type(i64, cls.check(operands[0]))]

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return stable_order(x, self.descending is not None)


@graph_op
class TopK(AlongLast):
    """The `k` largest elements along the last axis and their indices (i32), largest first; ties keep their order."""

    name = "graph.top_k"
    EXAMPLES: ClassVar = (
        "%r:2 = graph.top_k %x {k = 2 : i64} : (MATRIX) -> (tensor<2x2xf32>, tensor<2x2xi32>)",
    )
    values = result_def(AnyAttr())
    indices = result_def(AnyAttr())
    k = prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape, k = cls.check(operands[0]), properties["k"]
        assert isinstance(k, IntegerAttr)
        count = k.value.data
        if count < 0 or (shape[-1] != DYNAMIC_INDEX and count > shape[-1]):
            raise GraphError(
                f"{cls.name}: k_c1: the last axis of {operands[0]} does not have {count} elements"
            )
        kept = (*shape[:-1], count)
        return [tensor_type(element_type_of(operands[0]), kept), tensor_type(i32, kept)]

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        assert isinstance(self.k, IntegerAttr)
        count = self.k.value.data
        if count > x.shape[-1]:
            raise GraphError(f"{self.name}: k_c1: the last axis has {x.shape[-1]} elements, not {count}")
        order = stable_order(x, descending=True, count=count)
        return np.take_along_axis(x, order, -1), order.astype(np.int32)

    def gradient(self, *dys: Tensor) -> GradientTerms:
        x, indices = Tensor(self._operands[0]), Tensor(self.results[1])
        return (AddAlongAxis.like(indices, dys[0], x, x.ndim - 1),)


@graph_op
class SearchSorted(OfDtypes):
    """The insertion index, i64, of each value in a sorted list of numbers: before those equal to it, or after."""

    name = "graph.searchsorted"
    EXAMPLES: ClassVar = (
        "%r = graph.searchsorted %v, %x : (VECTOR, MATRIX) -> tensor<2x3xi64>",
        "%r = graph.searchsorted %v, %s {right} : (VECTOR, tensor<f32>) -> tensor<i64>",
    )
    DTYPES: ClassVar = real_numeric
    line = operand_def(AnyAttr())
    wanted = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    right = opt_prop_def(UnitAttr)
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        line, wanted = operands
        for type_ in operands:
            check_tensor(cls.name, type_, "an operand")
        check_operand_dtypes(cls.name, line, wanted)
        check_dtype(cls, element_type_of(line))
        if len(shape_of_type(line)) != 1:
            raise GraphError(f"{cls.name}: line_c1: the numbers in order must be a vector, got {line}")
        return [tensor_type(i64, shape_of_type(wanted))]

    def numpy(self, *operands: Array) -> Any:
        line, wanted = operands
        return np.asarray(np.searchsorted(line, wanted, "left" if self.right is None else "right"), np.int64)
