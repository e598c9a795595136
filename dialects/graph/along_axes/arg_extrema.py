"""argmax and argmin: the index of the largest or smallest element along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, UnitAttr, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.reductions import Extremum, Max, Min
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Cast, Where
from pullback.dialects.graph.elementwise.comparisons import Equal, IsNaN, LogicalOr
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.op.checks import check_axis, check_tensor
from pullback.dialects.graph.op.families import (
    Accepts,
    Composite,
    OfDtypes,
    check_dtype,
    is_truth,
    real_or_truth,
)
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable, Properties, graph_op
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type


class Position(OfDtypes, Composite):
    """The index of an extremum along `axis`, i64, as in NumPy: of the first among equal ones, or of the first NaN."""

    DTYPES: ClassVar[Accepts] = real_or_truth
    NUMPY: ClassVar[Callable[..., Any]]
    EXTREMUM: ClassVar[type[Extremum]]
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    keepdims = opt_prop_def(UnitAttr)
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        check_tensor(cls.name, type_, "the operand")
        check_dtype(cls, element_type_of(type_))
        shape = shape_of_type(type_)
        axis = check_axis(cls.name, properties, shape)
        if shape[axis] == 0:
            raise GraphError(f"{cls.name}: extent_c1: there is no element along axis {axis} of {type_}")
        kept = (1,) if "keepdims" in properties else ()
        return [tensor_type(i64, (*shape[:axis], *kept, *shape[axis + 1 :]))]

    @classmethod
    def along(cls, x: Tensor, axis: int, keepdims: bool = False) -> Tensor:
        """Emits the operation along `axis`, which counts from the end if negative."""
        at = axis + x.ndim if axis < 0 else axis
        return cls.of(x, axis=IntegerAttr(at, i64), **flag(keepdims, "keepdims"))

    @property
    def at(self) -> int:
        """The axis, counted from the front."""
        assert isinstance(self.axis, IntegerAttr)
        return self.axis.value.data

    def numpy(self, *operands: Array) -> Any:
        return type(self).NUMPY(operands[0], axis=self.at, keepdims=self.keepdims is not None)

    def expand(self) -> Tensor:
        """Reduces to the smallest index of an element that equals the extremum, or is NaN where that is NaN."""
        x = Tensor(self._operands[0])
        x = Cast.to(x, i32) if is_truth(x.element_type) else x
        extremum = type(self).EXTREMUM.over(x, self.at, keepdims=True)
        found = LogicalOr.of(Equal.of(x, extremum), IsNaN.of(x))
        last = x.extents[self.at] - 1
        indices = Constant.from_array(np.arange(last + 1, dtype=np.int32))
        along = ExpandDims.at(indices, range(1, x.ndim - self.at))
        first = Min.over(Where.of(found, along, last), self.at, keepdims=self.keepdims is not None)
        return Cast.to(first, i64)


@graph_op
class ArgMax(Position):
    """The index of the largest element along an axis, i64: of the first one, where several are equal or NaN."""

    name = "graph.argmax"
    EXAMPLES: ClassVar = ("%r = graph.argmax %x {axis = 1 : i64} : (MATRIX) -> tensor<2xi64>",)
    NUMPY: ClassVar = np.argmax
    EXTREMUM: ClassVar = Max


@graph_op
class ArgMin(Position):
    """The index of the smallest element along an axis, i64: of the first one, where several are equal or NaN."""

    name = "graph.argmin"
    EXAMPLES: ClassVar = ("%r = graph.argmin %x {axis = 0 : i64, keepdims} : (MATRIX) -> tensor<1x3xi64>",)
    NUMPY: ClassVar = np.argmin
    EXTREMUM: ClassVar = Min
