"""Basic elementwise operations, of which others are composed: add, multiply, cast, maximum, where and the like."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import i1
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.comparisons import LogicalOr, NotEqual
from pullback.dialects.graph.op.checks import check_tensor
from pullback.dialects.graph.op.families import (
    Binary,
    Elementwise,
    Unary,
    any_dtype,
    broadcast,
    real_numeric,
    real_or_truth,
)
from pullback.dialects.graph.op.graph_op import (
    Array,
    Broadcasts,
    GradientTerms,
    KeepsRows,
    NotDifferentiable,
    PassesSlices,
    Properties,
    Rows,
    graph_op,
)
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import identity, maximum, minimum, select
from pullback.dialects.graph.tensor.conversions import truncated
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    is_complex,
    is_inexact,
    is_integer,
    numpy_dtype,
    shape_of_type,
    tensor_type,
)


@graph_op
class Negative(Unary):
    """-x."""

    name = "graph.negative"
    EXACT: ClassVar = any_dtype
    INVOLUTION: ClassVar = True
    NUMPY: ClassVar = np.negative
    SCALAR: ClassVar = Scalar.__neg__

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (-dy,)


@graph_op
class Identity(Unary):
    """x itself."""

    name = "graph.identity"
    EXACT: ClassVar = any_dtype
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.identity %c : tensor<3xi1>", "%r = graph.identity %x : MATRIX")
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
    EXACT: ClassVar = any_dtype
    TAKES: ClassVar = slice(1)
    DTYPES: ClassVar = any_dtype
    NUMPY: ClassVar = np.asarray
    traits = traits_def(Pure(), NotDifferentiable())
    SCALAR: ClassVar = staticmethod(identity)


@graph_op
class Cast(Unary):
    """x converted to another dtype: truncated to integers, `x != 0` to i1, the real part of complex to real dtypes.

    Floats become i64 for i64, and i32 for narrower integers, which keep the low bits, as integers do. NaN, infinities
    and numbers out of range become the smallest i64 or i32: 3e9 is -2147483648 as i32 and 0 as i8, 300.0 is 44 as i8.
    """

    name = "graph.cast"
    EXACT: ClassVar = any_dtype
    EXAMPLES: ClassVar = (
        "%r = graph.cast %x : (MATRIX) -> tensor<2x3xi32>",
        "%r = graph.cast %x : (MATRIX) -> tensor<2x3xf64>",
    )
    DTYPES: ClassVar = any_dtype
    traits = traits_def(Pure(), KeepsRows())

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
        """Casts `x` to this element type; returns `x` itself if it has it already."""
        if x.element_type == element_type:
            return x
        return cls.emit_as([x.value], tensor_type(element_type, x.extents))

    def body(self, *operands: Scalar) -> Scalar:
        return operands[0].cast(element_type_of(self.result_types[0]))

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        result = element_type_of(self.result_types[0])
        if x.dtype.kind == "c" and not is_complex(result):
            x = x != 0 if result == i1 else np.real(x)
        if is_integer(result) and x.dtype.kind not in "iub":
            return truncated(x, numpy_dtype(result))
        with np.errstate(invalid="ignore", over="ignore"):
            return x.astype(numpy_dtype(result))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Cast.to(dy, self.x.element_type),) if is_inexact(self.x.element_type) else (None,)

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        return [(Cast.to(rows, self.x.element_type), indices)] if is_inexact(self.x.element_type) else None


def is_zero(t: Tensor) -> bool:
    """Tells whether this cotangent is the zero of a result that nothing uses."""
    op = t.op.operands[0].owner if isinstance(t.op, Cast) else t.op
    return isinstance(op, Fill) and op.number == 0


@graph_op
class Add(Binary):
    """a + b."""

    name = "graph.add"
    EXACT: ClassVar = any_dtype
    NUMPY: ClassVar = np.add
    SCALAR: ClassVar = operator.add
    ROW_TERMS: ClassVar = (1, 0)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, dy


@graph_op
class Subtract(Binary):
    """a - b."""

    name = "graph.subtract"
    EXACT: ClassVar = any_dtype
    EXAMPLES: ClassVar = ("%r = graph.subtract %x, %y : (MATRIX, tensor<?x3xf32>) -> MATRIX",)
    NUMPY: ClassVar = np.subtract
    SCALAR: ClassVar = operator.sub
    ROW_TERMS: ClassVar = (1,)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, -dy


@graph_op
class Multiply(Binary):
    """a * b."""

    name = "graph.multiply"
    EXACT: ClassVar = any_dtype
    EXAMPLES: ClassVar = ("%r = graph.multiply %x, %x : MATRIX",)
    NUMPY: ClassVar = np.multiply
    SCALAR: ClassVar = operator.mul

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy * conj(self.b), dy * conj(self.a)


@graph_op
class Divide(Binary):
    """a / b."""

    name = "graph.divide"
    EXACT: ClassVar = real_or_truth
    EXAMPLES: ClassVar = ("%r = graph.divide %x, %s : (MATRIX, tensor<f32>) -> MATRIX",)
    DTYPES: ClassVar = is_inexact
    NUMPY: ClassVar = np.divide
    SCALAR: ClassVar = operator.truediv

    def gradient(self, dy: Tensor) -> GradientTerms:
        da = dy / conj(self.b)
        return da, -(da * conj(self.y))


def takes_first(a: Tensor, b: Tensor, is_at_least: Tensor) -> Tensor:
    """Selects which operand gets the gradient of an extremum: a, where it is at least as extreme as b, or NaN."""
    return LogicalOr.of(is_at_least, NotEqual.of(a, a)) if is_inexact(a.element_type) else is_at_least


@graph_op
class Maximum(Binary):
    """The larger of a and b, NaN if either is; at a tie, or if a is NaN, the whole gradient goes to a."""

    name = "graph.maximum"
    EXACT: ClassVar = any_dtype
    EXAMPLES: ClassVar = (
        "%r = graph.maximum %l, %i : (tensor<2x4xi32>, tensor<4xi32>) -> tensor<2x4xi32>",
        "%r = graph.maximum %x, %v : (MATRIX, VECTOR) -> MATRIX",
    )
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.maximum
    SCALAR: ClassVar = staticmethod(maximum)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a_wins = takes_first(self.a, self.b, self.a >= self.b)
        return Where.of(a_wins, dy, 0), Where.of(a_wins, 0, dy)


@graph_op
class Minimum(Binary):
    """The smaller of a and b, NaN if either is; at a tie, or if a is NaN, the whole gradient goes to a."""

    name = "graph.minimum"
    EXACT: ClassVar = any_dtype
    DTYPES: ClassVar = real_numeric
    NUMPY: ClassVar = np.minimum
    SCALAR: ClassVar = staticmethod(minimum)

    def gradient(self, dy: Tensor) -> GradientTerms:
        a_wins = takes_first(self.a, self.b, self.a <= self.b)
        return Where.of(a_wins, dy, 0), Where.of(a_wins, 0, dy)


@graph_op
class Where(Elementwise):
    """Elementwise selection: a where the condition holds, b elsewhere; all three broadcast."""

    name = "graph.where"
    EXACT: ClassVar = any_dtype
    TAKES: ClassVar = slice(1, 3)
    EXAMPLES: ClassVar = ("%r = graph.where %c, %x, %s : (tensor<3xi1>, MATRIX, tensor<f32>) -> MATRIX",)
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
