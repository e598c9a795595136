"""Reductions over axes: sum, product, extrema, any and all, each with its combining function and neutral element."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import Attribute
from xdsl.irdl import traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.half_precision import rule_in_accumulators
from pullback.dialects.graph.along_axes.scans import CumProd
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import Equal, LogicalOr, NotEqual
from pullback.dialects.graph.movement.shapes import BroadcastTo
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, dims, identity
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.families import is_truth, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, NotDifferentiable, graph_op
from pullback.dialects.graph.op.indexed import Indexed
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import maximum, minimum
from pullback.dialects.graph.tensor.accumulators import TOTALS, summed
from pullback.dialects.graph.tensor.tensor import Number, Tensor, conj
from pullback.dialects.graph.tensor.types import element_type_of, is_float, numpy_dtype, shape_of_type


class Reduction(OverAxes, Indexed):
    """A reduction by an associative combining function; its iteration space is that of the operand."""

    COMBINE: ClassVar[Callable[[Scalar, Scalar], Scalar]]
    """The combining function of two partial results; associative and commutative up to rounding."""
    TOTALS: ClassVar[Mapping[Attribute, Attribute]] = {}
    """The accumulation dtypes of reductions of many elements, for dtypes in which combining rounds."""

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        """The neutral element: the result of combining no elements."""
        raise NotImplementedError

    def iteration_shape(self, result: int = 0) -> tuple[int, ...]:
        return self.shape_of(0)

    def access(self, number: int, result: int = 0) -> AccessMap:
        return identity(self.shape_of(0))

    def result_access(self) -> AffineAccess:
        space, reduced = self.shape_of(0), self.reduced
        zero = [Affine.number(len(space))] if self.keeps_dims else []
        position = [c for d, point in enumerate(dims(space)) for c in (zero if d in reduced else [point])]
        return AffineAccess(tuple(position), shape_of_type(self.result_types[0]), space)

    def has_body(self) -> bool:
        return hasattr(type(self), "COMBINE")


@graph_op
class Sum(Reduction):
    """The sum of the elements; 0 for none."""

    name = "graph.sum"
    ADDS: ClassVar = slice(1)
    DTYPES: ClassVar = numeric
    EXAMPLES: ClassVar = ("%r = graph.sum %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)
    COMBINE: ClassVar = operator.add
    TOTALS: ClassVar = TOTALS

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return 0

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return summed(x, self.reduced, self.keeps_dims)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (BroadcastTo.like(self.spread(dy), self.x),)


@graph_op
class Prod(Reduction):
    """The product of the elements; 1 for none. The gradient of each is the product of the others, also beside zeros."""

    name = "graph.prod"
    DTYPES: ClassVar = numeric
    EXAMPLES: ClassVar = ("%r = graph.prod %x {axes = array<i64: 0>} : (MATRIX) -> VECTOR",)
    COMBINE: ClassVar = operator.mul

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return 1

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        return np.prod(x, axis=self.reduced, keepdims=self.keeps_dims, dtype=x.dtype)

    def gradient(self, dy: Tensor) -> GradientTerms:
        product = conj(self.x)
        others = self.spread(dy)
        for axis in self.reduced:
            before = CumProd.scan(product, axis=axis, exclusive=True)
            after = CumProd.scan(product, axis=axis, exclusive=True, reverse=True)
            others = others * (before * after)
            product = Prod.over(product, axis, keepdims=True)
        return (BroadcastTo.like(others, self.x),)


class Extremum(Reduction):
    """The most extreme element; NaN if any is. Equal ones share the gradient equally, and so do NaNs."""

    NUMPY: ClassVar[Callable[..., Any]]

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        initial = self.neutral(element_type_of(self.operand.type))
        return type(self).NUMPY(x, axis=self.reduced, keepdims=self.keeps_dims, initial=initial)

    @rule_in_accumulators
    def gradient(self, dy: Tensor) -> GradientTerms:
        wins = Equal.of(self.x, self.spread(self.y))
        if is_float(self.x.element_type):
            wins = LogicalOr.of(wins, NotEqual.of(self.x, self.x))
        ties = Where.of(wins, Fill.scalar(1, self.x.element_type), 0)
        count = Sum.over(ties, self.reduced, keepdims=True)
        return (Where.of(wins, self.spread(dy) / count, 0),)


@graph_op
class Max(Extremum):
    """The largest element, NaN if any is; -inf (or the smallest integer) for none.

    Equal ones share the gradient equally, and so do NaNs.
    """

    name = "graph.max"
    EXAMPLES: ClassVar = ("%r = graph.max %x {axes = array<i64: 0>, keepdims} : (MATRIX) -> tensor<1x3xf32>",)
    COMBINE: ClassVar = staticmethod(maximum)
    NUMPY: ClassVar = np.max

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return -np.inf if is_float(element_type) else int(np.iinfo(numpy_dtype(element_type)).min)


@graph_op
class Min(Extremum):
    """The smallest element, NaN if any is; inf (or the largest integer) for none.

    Equal ones share the gradient equally, and so do NaNs.
    """

    name = "graph.min"
    EXAMPLES: ClassVar = ("%r = graph.min %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",)
    COMBINE: ClassVar = staticmethod(minimum)
    NUMPY: ClassVar = np.min

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return np.inf if is_float(element_type) else int(np.iinfo(numpy_dtype(element_type)).max)


@graph_op
class AnyTrue(Reduction):
    """Whether at least one element is true; false for none."""

    name = "graph.any"
    DTYPES: ClassVar = is_truth
    EXAMPLES: ClassVar = ("%r = graph.any %e {axes = array<i64: 1>} : (tensor<2x3xi1>) -> tensor<2xi1>",)
    COMBINE: ClassVar = operator.or_
    traits = traits_def(Pure(), NotDifferentiable())

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return False

    def numpy(self, *operands: Array) -> Any:
        return np.any(operands[0], axis=self.reduced, keepdims=self.keeps_dims)


@graph_op
class AllTrue(Reduction):
    """Whether all elements are true; true for none."""

    name = "graph.all"
    DTYPES: ClassVar = is_truth
    EXAMPLES: ClassVar = ("%r = graph.all %e {axes = array<i64: 0>} : (tensor<2x3xi1>) -> tensor<3xi1>",)
    COMBINE: ClassVar = operator.and_
    traits = traits_def(Pure(), NotDifferentiable())

    @staticmethod
    def neutral(element_type: Attribute) -> Number:
        return True

    def numpy(self, *operands: Array) -> Any:
        return np.all(operands[0], axis=self.reduced, keepdims=self.keeps_dims)
