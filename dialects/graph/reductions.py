"""Reductions over axes: what is combined, from which neutral value, in NumPy and in registers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, UnitAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.base import (
    Array,
    GradientTerms,
    Properties,
    check_tensor,
    flag,
    graph_op,
)
from pullback.dialects.graph.creation import Fill
from pullback.dialects.graph.elementwise import Where
from pullback.dialects.graph.families import Accepts, OfDtypes, check_dtype, numeric, real_numeric
from pullback.dialects.graph.scalar import Scalar, maximum
from pullback.dialects.graph.shapes import BroadcastTo, ExpandDims, integer_list, integers
from pullback.dialects.graph.types import (
    GraphError,
    element_type_of,
    is_float,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.value import Number, Tensor


class Reduction(OfDtypes):
    """Combines the elements along `axes`; with `keepdims` these stay as extents of 1."""

    COMBINE: ClassVar[Callable[[Scalar, Scalar], Scalar]]
    """How two partial results become one; associative and commutative up to rounding."""
    DTYPES: ClassVar[Accepts] = real_numeric
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axes = prop_def(DenseArrayBase)
    keepdims = opt_prop_def(UnitAttr)
    traits = traits_def(Pure())

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        """The result of combining no elements."""
        raise NotImplementedError

    @property
    def x(self) -> Tensor:
        return Tensor(self._operands[0])

    @property
    def y(self) -> Tensor:
        return Tensor(self.results[0])

    @property
    def reduced(self) -> tuple[int, ...]:
        """The reduced axes, ascending."""
        return tuple(integer_list(self.properties, "axes"))

    @property
    def keeps_dims(self) -> bool:
        return self.keepdims is not None

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        check_tensor(cls.name, type_, "the operand")
        shape, element_type = shape_of_type(type_), element_type_of(type_)
        check_dtype(cls, element_type)
        reduced = integer_list(properties, "axes")
        if reduced != sorted(set(reduced)) or any(not 0 <= a < len(shape) for a in reduced):
            raise GraphError(
                f"{cls.name}: axes_c1: axes must be distinct, ascending and in 0..{len(shape) - 1} for {type_}, "
                f"got {reduced}"
            )
        if "keepdims" in properties:
            return [tensor_type(element_type, (1 if i in reduced else n for i, n in enumerate(shape)))]
        return [tensor_type(element_type, (n for i, n in enumerate(shape) if i not in reduced))]

    @classmethod
    def over(cls, x: Tensor, axes: int | Iterable[int] | None = None, keepdims: bool = False) -> Tensor:
        """Reduces `x` over `axes` (all if `None`; negative ones count from the end)."""
        given = range(x.ndim) if axes is None else [axes] if isinstance(axes, int) else list(axes)
        if any(not -x.ndim <= a < x.ndim for a in given):
            raise GraphError(f"{cls.name}: axes_c1: axes {list(given)} do not exist in {x.type}")
        normal = sorted(a % x.ndim for a in given)
        return cls.of(x, axes=integers(normal), **flag(keepdims, "keepdims"))

    def spread(self, reduced: Tensor) -> Tensor:
        """A value of the result's shape, as one that broadcasts against the operand."""
        return reduced if self.keeps_dims else ExpandDims.at(reduced, self.reduced)


@graph_op
class Sum(Reduction):
    """The sum of the elements; 0 of none."""

    name = "graph.sum"
    DTYPES: ClassVar = numeric
    EXAMPLES: ClassVar = ("%r = graph.sum %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)
    COMBINE: ClassVar = operator.add

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return 0

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.sum(x, axis=self.reduced, keepdims=self.keeps_dims, dtype=x.dtype)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (BroadcastTo.like(self.spread(dy), self.x),)


@graph_op
class Max(Reduction):
    """The largest element, NaN if any is; -inf (or the smallest integer) of none. Ties share the gradient equally."""

    name = "graph.max"
    EXAMPLES: ClassVar = ("%r = graph.max %x {axes = array<i64: 0>, keepdims} : (MATRIX) -> tensor<1x3xf32>",)
    COMBINE: ClassVar = staticmethod(maximum)

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return -np.inf if is_float(element_type) else int(np.iinfo(numpy_dtype(element_type)).min)

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        initial = self.neutral(element_type_of(self.operand.type))
        return np.max(x, axis=self.reduced, keepdims=self.keeps_dims, initial=initial)

    def gradient(self, dy: Tensor) -> GradientTerms:
        below = self.spread(self.y) > self.x
        ties = Where.of(below, 0, Fill.scalar(1, self.x.element_type))
        count = Sum.over(ties, self.reduced, keepdims=True)
        return (Where.of(below, 0, self.spread(dy) / count),)
