"""Elementwise operations: each states its NumPy meaning, its scalar body and its gradient, and nothing else."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.base import (
    Array,
    Broadcasts,
    GradientTerms,
    NotDifferentiable,
    PassesSlices,
    Properties,
    check_tensor,
    graph_op,
)
from pullback.dialects.graph.families import Binary, Elementwise, Unary, any_dtype, broadcast
from pullback.dialects.graph.scalar import Scalar, exp, identity, log, maximum, select, tanh
from pullback.dialects.graph.types import (
    GraphError,
    element_type_of,
    is_float,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)
from pullback.dialects.graph.value import Tensor


@graph_op
class Negative(Unary):
    """-x."""

    name = "graph.negative"
    NUMPY: ClassVar = np.negative
    SCALAR: ClassVar = Scalar.__neg__

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (-dy,)


@graph_op
class Exp(Unary):
    """The natural exponential."""

    name = "graph.exp"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.exp
    SCALAR: ClassVar = staticmethod(exp)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * self.y,)


@graph_op
class Log(Unary):
    """The natural logarithm."""

    name = "graph.log"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.log
    SCALAR: ClassVar = staticmethod(log)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy / self.x,)


@graph_op
class Tanh(Unary):
    """Hyperbolic tangent."""

    name = "graph.tanh"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.tanh
    SCALAR: ClassVar = staticmethod(tanh)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy * (1 - self.y * self.y),)


@graph_op
class Identity(Unary):
    """x itself."""

    name = "graph.identity"
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.asarray
    traits = traits_def(Pure(), PassesSlices())
    SCALAR: ClassVar = staticmethod(identity)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy,)


@graph_op
class StopGradient(Unary):
    """x itself, with no gradient through it."""

    name = "graph.stop_gradient"
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.asarray
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(identity)


@graph_op
class Cast(Unary):
    """x in another dtype: toward zero from floating point to integers, `x != 0` to i1."""

    name = "graph.cast"
    DTYPES: ClassVar = any_dtype

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        raise GraphError(f"{cls.name}: the result type is given, not inferred")

    def verify_(self) -> None:
        source, result = self.operand_types[0], self.result_types[0]
        check_tensor(self.name, source, "the operand")
        if shape_of_type(source) != shape_of_type(result):
            raise GraphError(f"{self.name}: shape_c1: cast keeps the shape, got {source} and {result}")
        numpy_dtype(element_type_of(result))

    @classmethod
    def to(cls, x: Tensor, element_type: Attribute) -> Tensor:
        """`x` in this element type; `x` itself if it has it already."""
        if x.element_type == element_type:
            return x
        return cls.emit_as([x.value], tensor_type(element_type, x.extents))

    def body(self, *operands: Scalar) -> Scalar:
        return operands[0].cast(element_type_of(self.result_types[0]))

    def numpy(self, *operands: Array) -> Any:
        with np.errstate(invalid="ignore"):
            return operands[0].astype(numpy_dtype(element_type_of(self.result_types[0])))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Cast.to(dy, self.x.element_type),) if is_float(self.x.element_type) else (None,)


@graph_op
class Add(Binary):
    """a + b."""

    name = "graph.add"
    NUMPY: ClassVar = np.add
    SCALAR: ClassVar = operator.add

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, dy


@graph_op
class Subtract(Binary):
    """a - b."""

    name = "graph.subtract"
    NUMPY: ClassVar = np.subtract
    SCALAR: ClassVar = operator.sub

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, -dy


@graph_op
class Multiply(Binary):
    """a * b."""

    name = "graph.multiply"
    NUMPY: ClassVar = np.multiply
    SCALAR: ClassVar = operator.mul

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy * self.b, dy * self.a


@graph_op
class Divide(Binary):
    """a / b."""

    name = "graph.divide"
    DTYPES: ClassVar = is_float
    NUMPY: ClassVar = np.divide
    SCALAR: ClassVar = operator.truediv

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy / self.b, dy * (-self.y / self.b)


@graph_op
class Maximum(Binary):
    """The larger of a and b, NaN if either is; at a tie the whole gradient goes to a."""

    name = "graph.maximum"
    NUMPY: ClassVar = np.maximum
    SCALAR: ClassVar = staticmethod(maximum)

    def gradient(self, dy: Tensor) -> GradientTerms:
        b_wins = self.b > self.a
        return Where.of(b_wins, 0, dy), Where.of(b_wins, dy, 0)


@graph_op
class Greater(Binary):
    """Whether a > b."""

    name = "graph.greater"
    NUMPY: ClassVar = np.greater
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = operator.gt

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (common,) = super().infer(operands, properties)
        return [tensor_type(i1, shape_of_type(common))]


@graph_op
class Where(Elementwise):
    """a where the condition holds, b elsewhere; all three broadcast."""

    name = "graph.where"
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.where
    condition = operand_def(AnyAttr())
    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure(), Broadcasts())
    SCALAR: ClassVar = staticmethod(select)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        condition, lhs, rhs = operands
        if element_type_of(condition) != i1:
            raise GraphError(f"{cls.name}: dtype_c3: the condition must be i1, got {condition}")
        if element_type_of(lhs) != element_type_of(rhs):
            raise GraphError(f"{cls.name}: dtype_c2: both branches must have one dtype, got {lhs} and {rhs}")
        return [tensor_type(element_type_of(lhs), broadcast(cls.name, *operands))]

    def gradient(self, dy: Tensor) -> GradientTerms:
        condition = Tensor(self._operands[0])
        return None, Where.of(condition, dy, 0), Where.of(condition, 0, dy)
